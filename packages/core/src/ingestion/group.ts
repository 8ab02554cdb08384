import type { Connector } from "../connector.ts";
import type { MessageDraft } from "../message.ts";
import type { Journal, JournalEvent, QuarantinedEvent, TakenEvents } from "./journal.ts";
import { mapEvent, type MessageSource, type Preparation, rawEvents } from "./prepare.ts";
import { transcriptDraft } from "./transcript.ts";

export interface GroupOptions {
  preparation: Preparation;
  destinationId: string;
  journal: Journal;
}

/** Late events are waited for this long after the end of the day. */
const GRACE_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
const GROUPS_AT_ONCE = 200;

/** Has events wait until the day of their conversation is over. Gives the number that had to be quarantined. */
export async function waitInGroups(
  { preparation, destinationId, journal }: GroupOptions,
  events: TakenEvents,
  now: Date,
): Promise<number> {
  const waiting: { event: number; group: string; closesAt: number }[] = [];
  const quarantined: QuarantinedEvent[] = [];
  for (const event of events) {
    try {
      const draft = mapEvent(event, preparation.connector);
      waiting.push({ event: event.seq, ...groupOf(draft) });
    } catch (error) {
      quarantined.push({
        event: event.seq,
        stage: "map",
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
  await journal.wait(
    {
      source: preparation.source,
      destination: destinationId,
      takenThrough: events.last,
      events: waiting,
      quarantined,
    },
    now,
  );
  return quarantined.length;
}

function groupOf({ conversation, date }: MessageDraft): { group: string; closesAt: number } {
  const day = new Date(date).toISOString().slice(0, 10);
  return { group: JSON.stringify([conversation?.id ?? "", day]), closesAt: Date.parse(day) + DAY_MS + GRACE_MS };
}

/** The groups whose day is over, each as the transcript that it becomes. */
export async function takeGroups(
  { preparation, destinationId, journal }: GroupOptions,
  now: Date,
): Promise<MessageSource[]> {
  const groups = await journal.closedGroups(preparation.source, destinationId, now, GROUPS_AT_ONCE);
  const sources: MessageSource[] = [];
  for (const { key, events, delivered } of groups)
    sources.push(transcriptSource(await journal.events(events), key, delivered, preparation.connector));
  return sources;
}

/** The transcript of a group's events, or where it had transcripts before, a supplement to them. */
export function transcriptSource(
  events: JournalEvent[],
  group: string,
  supplement: number,
  connector: Connector,
): MessageSource {
  const [conversation = "", day = ""] = JSON.parse(group) as string[];
  return {
    events: events.map(({ seq }) => seq),
    type: "Transcript",
    key: `transcript:${conversation}:${day}`,
    version: supplement === 0 ? "" : String(supplement),
    transcript: { group, supplement },
    draft: () => {
      const lines = events.map((event) => ({ draft: mapEvent(event, connector), occurredAt: event.occurredAt }));
      const name = lines.at(-1)?.draft.conversation?.name ?? connector.title;
      return transcriptDraft(lines, { conversation: { id: conversation, name }, day, supplement });
    },
    raw: () => rawEvents(events),
  };
}
