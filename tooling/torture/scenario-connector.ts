import { type Connector, defineConnector, type MessageDraft, type Page, type SourceEvent } from "@hansard/core";
import { randomFrom } from "../random.ts";

/** How a scenario's source is made: the same numbers give the same events. */
export interface ScenarioSettings {
  seed: number;
  partitions: number;
  events: number;
  pageEvents: number;
  /** Whether some events carry files: small ones, and ones that are stored as files of their own. */
  files: boolean;
  /** Every so many events one that cannot be mapped; 0 for none. */
  unmappableEvery: number;
  /** Whether half of the people have no mailbox. */
  strangers: boolean;
}

export const PEOPLE = ["ann@here.example", "bob@here.example", "cem@here.example"];
const STRANGERS = ["dan@elsewhere.example", "eve@elsewhere.example"];
const FIRST_DAY = Date.UTC(2026, 0, 5);

/** A source whose truth is known: what it holds is a function of its settings. Its mapping may have been mended. */
export function scenarioConnector(settings: ScenarioSettings, mended = false): Connector {
  const map = (event: MappableEvent) => toMessage(event, mended);
  return defineConnector({
    id: "scenario",
    source: "Scenario",
    title: "Scenario",
    settings: passing(),
    checkpoint: passing(),
    captures: {
      edits: "not-reported",
      deletes: "not-reported",
      attachments: "content",
      reactions: "none",
      participants: "at-the-time",
      history: "All of it",
    },
    events: { Message: map, Other: map },
    partitions: async () =>
      Array.from({ length: settings.partitions }, (_, index) => ({ id: `p${index}`, name: `Partition ${index}` })),
    async *read({ partition, checkpoint, blobs }): AsyncGenerator<Page<"Message" | "Other", never>> {
      const all = scenarioEvents(settings, partition.id);
      // The window overlaps the last page on purpose: events are recognised by their keys.
      const start = Math.max(0, ((checkpoint as { next?: number } | undefined)?.next ?? 0) - 1);
      for (let next = start; next < all.length; next += settings.pageEvents) {
        const events = all.slice(next, next + settings.pageEvents);
        for (const event of events) await storeFiles(event, settings, blobs);
        yield {
          events,
          checkpoint: { next: next + events.length } as never,
          claims: [{ id: partition.id, events: all.length }],
        };
      }
    },
  });
}

/** Every event that a partition holds. */
export function scenarioEvents(
  { seed, events, unmappableEvery, strangers }: ScenarioSettings,
  partition: string,
): SourceEvent<"Message">[] {
  const random = randomFrom(seed + partition.charCodeAt(1));
  return Array.from({ length: events }, (_, index) => {
    const outside = strangers && random() < 0.5;
    const people = outside ? STRANGERS : PEOPLE;
    const from = people[Math.floor(random() * people.length)] ?? "";
    // Several events of one time are normal; the order of keys is the source's.
    const time = new Date(FIRST_DAY + Math.floor(index / 3) * 1_000).toISOString();
    const unmappable = unmappableEvery > 0 && index % unmappableEvery === unmappableEvery - 1;
    return {
      type: "Message",
      key: `${partition}:${String(index).padStart(6, "0")}`,
      occurredAt: time,
      claim: partition,
      data: { from, to: people, text: `Message ${index} ${random().toString(36)}`, unmappable },
    };
  });
}

async function storeFiles(
  event: SourceEvent,
  settings: ScenarioSettings,
  blobs: { put(content: Uint8Array): Promise<{ sha256: string; size: number }> },
): Promise<void> {
  const attachments = [];
  for (const { id, name, content } of scenarioFiles(event.key, settings))
    attachments.push({ id, name, blob: await blobs.put(content) });
  if (attachments.length > 0) event.attachments = attachments;
}

/** The files that an event carries. */
export function scenarioFiles(
  key: string,
  { files }: Pick<ScenarioSettings, "files">,
): { id: string; name: string; content: Uint8Array }[] {
  const index = Number(key.split(":")[1]);
  if (!files || index % 4 !== 0) return [];
  return [{ id: `f${index}`, name: `file ${index}.bin`, content: contentOf(key, index % 8 === 0 ? 70_000 : 500) }];
}

function contentOf(key: string, size: number): Uint8Array {
  const content = Buffer.alloc(size);
  for (let offset = 0; offset < size; offset += 1)
    content[offset] = (key.charCodeAt(offset % key.length) * 31 + offset * 7 + (offset >> 8)) & 0xff;
  return content;
}

interface MappableEvent {
  data: unknown;
  occurredAt: string;
  attachments: { id: string; name: string }[];
}

function toMessage({ data, occurredAt, attachments }: MappableEvent, mended: boolean): MessageDraft {
  const { from, to, text, unmappable } = data as { from: string; to: string[]; text: string; unmappable: boolean };
  if (unmappable && !mended) throw new Error("This event is broken on purpose.");
  return {
    from: { id: from, address: from },
    to: to.filter((address) => address !== from).map((address) => ({ id: address, address })),
    date: occurredAt,
    subject: text,
    text,
    conversation: { id: "c1", name: "Conversation" },
    attachments: attachments.flatMap((attachment) =>
      "blob" in attachment
        ? [
            {
              id: attachment.id,
              name: attachment.name,
              content: { blob: attachment.blob as { sha256: string; size: number } },
            },
          ]
        : [],
    ),
  };
}

function passing() {
  return { "~standard": { version: 1 as const, vendor: "hansard", validate: (value: unknown) => ({ value }) } };
}
