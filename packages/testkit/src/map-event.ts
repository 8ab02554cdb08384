import type { CapturedEvent, Connector, MapEvent, MessageDraft } from "@hansard/core";
import {
  type JournalEvent,
  loadPeopleMap,
  type Preparation,
  type PreparedBatch,
  prepareBatch,
  singleEvent,
} from "@hansard/core/ingestion";
import { deepFreeze } from "./json.ts";
import { SOURCE } from "./installation.ts";
import { must } from "./suite.ts";

/** Maps an event as delivery does, with an argument that nobody can change. */
export function mapFixture(connector: Connector, event: CapturedEvent): MessageDraft {
  const draft = mappingOf(connector, event.type)(deepFreeze(structuredClone(event)));
  must(
    typeof draft === "object" && draft !== null && !("then" in draft),
    `The mapping of ${event.type} must give a message at once, and gave ${draft === undefined ? "nothing" : "something else"}.`,
  );
  return draft;
}

function mappingOf({ events }: Connector, type: string): MapEvent {
  const map = Object.hasOwn(events, type) ? events[type] : events["Other"];
  must(map !== undefined, `The connector maps neither "${type}" nor "Other".`);
  return map;
}

/** Maps, routes and composes events as delivery does. */
export async function composeEvents(connector: Connector, events: CapturedEvent[]): Promise<PreparedBatch> {
  const sources = events.map((event, index) =>
    singleEvent({ ...event, seq: index + 1, source: SOURCE } satisfies JournalEvent, connector),
  );
  return prepareBatch(sources, await preparationFor(connector));
}

async function preparationFor(connector: Connector): Promise<Preparation> {
  const people = await loadPeopleMap({ domains: "*" });
  return {
    source: SOURCE,
    connector,
    connectorVersion: "0.0.0",
    people,
    policy: { thirdPartyMailbox: "third-party-data@example.com" },
    installation: { id: "conformance", key: new Uint8Array(32) },
    blobs: { read: ({ size }) => zeros(size) },
    messageBytes: 2 ** 40,
  };
}

/** Stands for content that a fixture only names. */
async function* zeros(size: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(64 * 1024);
  for (let left = size; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
}
