import { expect, test } from "vitest";
import type { Connector } from "../connector.ts";
import type { JournalEvent } from "./journal.ts";
import { loadPeopleMap } from "./people/index.ts";
import { type Preparation, prepareBatch, singleEvent } from "./prepare.ts";

const EVE = { id: "U9", name: "Eve" };
/** An attachment that cannot be read, which shows only when the message is composed. */
const UNREADABLE = {
  id: "F1",
  name: "plan.txt",
  contentType: "text/plain",
  content: { blob: { sha256: "0", size: 1 } },
};

const connector = {
  source: "Letters",
  events: {
    Other: ({ occurredAt, data }: JournalEvent) => ({
      date: occurredAt,
      from: EVE,
      to: [{ id: "C1", name: "#general", kind: "place" }],
      subject: "Letter",
      text: "Hello.",
      ...(data === "unreadable" && { attachments: [UNREADABLE] }),
    }),
  },
} as unknown as Connector;

test("those whom nobody claims are counted with each message, but not of what is none, nor again of what was one before", async () => {
  const events = ["good", "unreadable", "good"].map((data, index) => event(index + 1, data));
  const { messages, quarantined, unmapped } = await prepareBatch(
    events.map((one) => singleEvent(one, connector)),
    await preparation(),
  );
  expect({ messages, quarantined }).toMatchObject({ messages: { length: 2 }, quarantined: [{ event: 2 }] });
  expect(unmapped).toEqual([{ participant: "U9", name: "Eve", messages: 2 }]);

  const again = await prepareBatch([singleEvent(event(1, "good"), connector, {})], await preparation());
  expect(again).toMatchObject({ messages: { length: 1 }, unmapped: [] });
});

function event(seq: number, data: string): JournalEvent {
  const occurredAt = "2026-01-01T00:00:00Z";
  return {
    seq,
    source: "letters",
    type: "Other",
    key: String(seq),
    version: "",
    occurredAt,
    data,
    context: {},
    attachments: [],
  };
}

async function preparation(): Promise<Preparation> {
  return {
    source: "letters",
    connector,
    connectorVersion: "1.0.0",
    people: await loadPeopleMap({}),
    policy: { thirdPartyMailbox: "third-party@contoso.example" },
    installation: { id: "1", key: new Uint8Array(32) },
    blobs: {
      // eslint-disable-next-line require-yield
      async *read() {
        throw new Error("It is damaged.");
      },
    },
    messageBytes: 1_000_000,
  };
}
