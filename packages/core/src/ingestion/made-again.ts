import type { Connector } from "../connector.ts";
import { transcriptSource } from "./group.ts";
import type { IntendedMessage, Journal } from "./journal.ts";
import { type MessageSource, singleEvent } from "./prepare.ts";

/** What a message that was intended before is made of, so that the same mail is made again whatever the people map says by now. */
export async function sourcesOf(
  { events: seqs, transcript, addresses = {} }: IntendedMessage,
  { journal, connector }: { journal: Journal; connector: Connector },
): Promise<MessageSource[]> {
  const events = await journal.events(seqs);
  if (!transcript) return events.map((event) => singleEvent(event, connector, addresses));
  return [{ ...transcriptSource(events, transcript.group, transcript.supplement, connector), addresses }];
}
