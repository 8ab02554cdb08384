import { createHash } from "node:crypto";
import type { BlobReference, CapturedEvent, FollowUp, Gap, Json, KnownEvent, Page, SourceEvent } from "@hansard/core";

/** A journal in memory: what one page carries becomes durable at once, or not at all. */
export interface TestJournal {
  events: Map<string, SourceEvent>;
  contexts: Map<string, Json>;
  gaps: Map<string, Gap>;
  blobs: Map<string, Uint8Array>;
  state: Map<string, string>;
  /** By partition. */
  checkpoints: Map<string, unknown>;
  followUps: Map<string, Map<string, FollowUp>>;
  sorted: KnownEvent[] | undefined;
}

export function createJournal(): TestJournal {
  return {
    events: new Map(),
    contexts: new Map(),
    gaps: new Map(),
    blobs: new Map(),
    state: new Map(),
    checkpoints: new Map(),
    followUps: new Map(),
    sorted: undefined,
  };
}

export function commit(journal: TestJournal, partition: string, page: Page<string, unknown>): void {
  for (const event of page.events) {
    const id = `${event.key}\n${event.version ?? ""}`;
    if (journal.events.has(id)) continue;
    journal.events.set(id, roundTrip(event));
    journal.sorted = undefined;
  }
  for (const [id, value] of Object.entries(page.contexts ?? {}))
    if (!journal.contexts.has(id)) journal.contexts.set(id, roundTrip(value));
  const owed = journal.followUps.get(partition) ?? new Map<string, FollowUp>();
  journal.followUps.set(partition, owed);
  for (const followUp of page.followUps ?? []) owed.set(followUp.id, roundTrip(followUp));
  for (const id of page.settled ?? []) owed.delete(id);
  for (const gap of page.gaps ?? []) journal.gaps.set(gap.id, gap);
  for (const id of page.closed ?? []) journal.gaps.delete(id);
  if (page.checkpoint !== undefined) journal.checkpoints.set(partition, roundTrip(page.checkpoint));
}

/** Events as a mapping receives them. A context that no page carried is an error. */
export function capturedEvents({ events, contexts }: TestJournal): CapturedEvent[] {
  return [...events.values()].map(({ type, key, version = "", occurredAt, data, context = {}, attachments = [] }) => {
    const resolved = Object.entries(context).map(([name, id]): [string, Json] => {
      const value = contexts.get(id);
      if (value === undefined) throw new Error(`${key} ${version} refers to the context ${id}, which no page carried.`);
      return [name, value];
    });
    return { type, key, version, occurredAt, data, context: Object.fromEntries(resolved), attachments };
  });
}

export async function* knownEvents(
  journal: TestJournal,
  { from, to }: { from: string; to: string },
): AsyncGenerator<KnownEvent> {
  journal.sorted ??= [...journal.events.values()]
    .map(({ key, version = "", type }) => ({ key, version, type }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const view = journal.sorted;
  let low = 0;
  for (let high = view.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((view[middle]?.key ?? "") < from) low = middle + 1;
    else high = middle;
  }
  for (const event of view.slice(low, low + 10_000)) {
    if (event.key >= to) return;
    yield event;
  }
}

export async function putBlob(
  { blobs }: TestJournal,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  maxBytes: number,
): Promise<BlobReference> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new Error("The content is longer than allowed.");
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  blobs.set(sha256, bytes);
  return { sha256, size };
}

/** What a journal keeps is JSON. */
function roundTrip<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
