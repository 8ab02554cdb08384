import {
  deliverAgain,
  type DeliverResult,
  mapEvent,
  type MessageSource,
  messageId,
  type PreparedMessage,
  rawEvents,
} from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";

/**
 * Delivers messages that map differently today as corrections: each is a new message that names and follows the one that
 * was delivered before. What was delivered stays as it was.
 */
export async function deliverCorrected(
  installation: Installation,
  id: string,
  destinationId: string,
  changed: PreparedMessage[],
  signal: AbortSignal,
): Promise<DeliverResult> {
  const { journal, log } = installation;
  const source = await installation.source(id);
  const open = await installation.destination(destinationId);
  const preparation = await installation.preparation(source, open);
  const events = await journal.events(changed.flatMap(({ intended }) => intended.events));
  const sources = events.map((event): MessageSource => {
    const correction = `${event.version}~${source.version}`;
    const earlier = messageId(preparation.installation, id, event.key, event.version);
    return {
      events: [event.seq],
      type: event.type,
      key: event.key,
      version: correction,
      draft: () => {
        const draft = mapEvent(event, source.connector);
        const note = `This corrects the message ${earlier}, as version ${source.version} of the connector maps the same recorded event.`;
        return { ...draft, notes: [...(draft.notes ?? []), note] };
      },
      raw: () => rawEvents([event]),
    };
  });
  const options = {
    preparation,
    destinationId,
    destination: open.destination,
    journal,
    grouping: "event" as const,
    log,
    signal,
  };
  return deliverAgain(options, sources);
}
