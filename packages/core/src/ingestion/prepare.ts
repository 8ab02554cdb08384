import type { Connector } from "../connector.ts";
import { isHansardError } from "../errors.ts";
import type { MessageDraft, Participant } from "../message.ts";
import { composeMail, composeMessage, mailSize, splitMessage } from "./compose/index.ts";
import type { IntendedMessage, IntendedTarget, JournalEvent, QuarantinedEvent, UnmappedPerson } from "./journal.ts";
import type { BlobReader, Mail, Message } from "./mail.ts";
import type { MessageClassPrefix } from "./message-class.ts";
import { messageId } from "./message-id.ts";
import type { PeopleMap } from "./people/index.ts";
import { type RoutePolicy, routeMessage } from "./route.ts";

/** Everything that decides what a source's messages look like and where they go. */
export interface Preparation {
  source: string;
  connector: Connector;
  connectorVersion: string;
  people: PeopleMap;
  policy: RoutePolicy;
  installation: { id: string; key: Uint8Array };
  blobs: BlobReader;
  /** The largest mail that the destination takes, in bytes. */
  messageBytes: number;
  /** How many attachments a mail of the destination may have. Absent: any number. */
  messageAttachments?: number;
  classPrefix?: MessageClassPrefix;
  /** Whether the event's own JSON goes along as an attachment. */
  attachSource?: boolean;
}

/** A message that is ready to be intended and submitted. */
export interface PreparedMessage {
  intended: IntendedMessage;
  message: Message;
  mail: Mail;
}

export interface PreparedBatch {
  messages: PreparedMessage[];
  quarantined: QuarantinedEvent[];
  unmapped: UnmappedPerson[];
}

/** Something to be made into a message: one event, or the transcript of several. */
export interface MessageSource {
  events: number[];
  /** Of the message class. */
  type: string;
  key: string;
  version: string;
  transcript?: { group: string; supplement: number };
  /** Of a message that was made before: what its `IntendedMessage` says of addresses. Absent: it is new, and shows the people map's of today. */
  addresses?: Record<string, string>;
  draft: () => MessageDraft;
  /** The raw events, for the attachment. */
  raw: () => string;
}

/** One message for each event: `map`, nothing else, decides its content. */
export function singleEvent(
  event: JournalEvent,
  connector: Connector,
  addresses?: Record<string, string>,
): MessageSource {
  const { seq, type, key, version } = event;
  return {
    events: [seq],
    type,
    key,
    version,
    ...(addresses && { addresses }),
    draft: () => mapEvent(event, connector),
    raw: () => rawEvents([event]),
  };
}

/** Maps an event. An unknown type goes through `Other`: nothing is dropped because a later version of the connector named it. */
export function mapEvent(event: JournalEvent, { events }: Connector): MessageDraft {
  const map = Object.hasOwn(events, event.type) ? events[event.type] : events["Other"];
  if (!map) throw new Error(`The connector maps neither "${event.type}" nor "Other".`);
  return map(event);
}

export function rawEvents(events: JournalEvent[]): string {
  return JSON.stringify(
    events.map(({ type, key, version, occurredAt, data }) => ({ type, key, version, occurredAt, data })),
    undefined,
    2,
  );
}

/**
 * Maps, routes and composes. What cannot become a message is quarantined with its reason; the rest goes on.
 * `targets` overrides the routing, for what was routed before a crash.
 */
export async function prepareBatch(
  sources: Iterable<MessageSource>,
  preparation: Preparation,
  targets?: IntendedTarget[],
): Promise<PreparedBatch> {
  const batch: PreparedBatch = { messages: [], quarantined: [], unmapped: [] };
  const unmapped = new Map<string, UnmappedPerson>();
  for (const source of sources) {
    try {
      const unclaimed: Participant[] = [];
      const series = await prepareOne(source, preparation, targets, unclaimed);
      for (const message of series) batch.messages.push(message);
      // Of what was a message before, they were counted then.
      if (!source.addresses) for (const participant of unclaimed) countUnmapped(unmapped, participant);
    } catch (error) {
      if (isStorageError(error) || saysNothingOfTheEvent(error)) throw error;
      for (const event of source.events) batch.quarantined.push({ event, stage: "map", ...explain(error) });
    }
  }
  batch.unmapped = [...unmapped.values()];
  return batch;
}

async function prepareOne(
  source: MessageSource,
  preparation: Preparation,
  targets: IntendedTarget[] | undefined,
  unclaimed: Participant[],
): Promise<PreparedMessage[]> {
  const draft = source.draft();
  if (preparation.attachSource) {
    draft.attachments = [
      ...(draft.attachments ?? []),
      { id: "hansard-source", name: "source.json", contentType: "application/json", content: { text: source.raw() } },
    ];
  }
  const routed = routeMessage(draft, preparation.people, preparation.policy);
  const answer = routed instanceof Promise ? await routed : routed;
  for (const participant of answer.unmapped) unclaimed.push(participant);
  const addresses: Record<string, string> = {};
  const message = composed(source, draft, preparation, addresses);
  const { blobs, messageBytes, messageAttachments = Number.POSITIVE_INFINITY } = preparation;
  const { attachments } = message;
  // What lies in the store is not read for nothing: a message that must be split is measured before it is composed.
  const fits =
    attachments.length <= messageAttachments &&
    (!attachments.some(({ content }) => "blob" in content) || mailSize(message) <= messageBytes);
  if (fits) {
    const composing = composeMail(message, { blobs });
    const mail = composing instanceof Promise ? await composing : composing;
    if (mail.size <= messageBytes)
      return [prepared(source, message, mail, { targets: targets ?? answer.targets, addresses })];
  }
  const partId = (part: number, total: number) =>
    messageId(preparation.installation, preparation.source, source.key, `${source.version}/${total}`, part);
  const series: PreparedMessage[] = [];
  for (const [index, part] of splitMessage(message, messageBytes, partId, messageAttachments).entries()) {
    const mail = await composeMail(part, { blobs });
    series.push(prepared(source, part, mail, { targets: targets ?? answer.targets, addresses, part: index + 1 }));
  }
  return series;
}

/** Notes in `addresses` what the people map adds to what the source itself says. */
function composed(
  { type, key, version, addresses: before }: MessageSource,
  draft: MessageDraft,
  { installation, source, connector, people, classPrefix }: Preparation,
  addresses: Record<string, string>,
): Message {
  const references = (draft.references ?? []).map((reference) => messageId(installation, source, reference));
  // A later version refers to the first, so that a thread holds together whichever of them was captured.
  if (version !== "") references.push(messageId(installation, source, key));
  return composeMessage({
    draft,
    source: connector.source,
    type,
    key,
    version,
    ...(classPrefix && { prefix: classPrefix }),
    messageId: messageId(installation, source, key, version),
    references,
    address(participant) {
      const address = before ? before[participantKey(participant)] : people.known(participant)?.mailbox;
      if (address !== undefined && address !== participant.address) addresses[participantKey(participant)] = address;
      return address;
    },
  });
}

function prepared(
  { events, transcript }: MessageSource,
  message: Message,
  mail: Mail,
  { targets, addresses, part }: { targets: IntendedTarget[]; addresses: Record<string, string>; part?: number },
): PreparedMessage {
  const { id, messageClass } = message;
  const intended: IntendedMessage = {
    events,
    messageId: id,
    messageClass,
    sha256: mail.sha256,
    size: mail.size,
    targets,
  };
  if (transcript) intended.transcript = transcript;
  if (part !== undefined) intended.part = part;
  if (Object.keys(addresses).length > 0) intended.addresses = addresses;
  return { intended, message, mail };
}

/** By which a participant is told from the others of a message. */
export function participantKey({ id, address = "" }: Participant): string {
  return `${id} ${address}`.trim();
}

function countUnmapped(people: Map<string, UnmappedPerson>, { id, name, address }: Participant): void {
  const known = people.get(id);
  if (known) known.messages += 1;
  else people.set(id, { participant: id, ...(name && { name }), ...(address && { address }), messages: 1 });
}

function explain(error: unknown): { reason: string; remedy?: string } {
  if (isHansardError(error))
    return error.remedy === undefined ? { reason: error.message } : { reason: error.message, remedy: error.remedy };
  const reason = error instanceof Error ? error.message : String(error);
  return {
    reason: `The mapping failed: ${reason}`,
    remedy: 'Update the connector, then run "hansard quarantine retry".',
  };
}

/** A directory that cannot answer leaves the event where it is, to be routed at the next run. */
function saysNothingOfTheEvent(error: unknown): boolean {
  return (
    isHansardError(error, "unavailable") ||
    isHansardError(error, "rate-limited") ||
    isHansardError(error, "authentication")
  );
}

/** A disk that cannot be read says nothing about the event. */
function isStorageError(error: unknown): boolean {
  return (
    error instanceof Error &&
    ("errcode" in error || ("code" in error && ["EIO", "ENOSPC", "EMFILE", "ENOMEM"].includes(String(error.code))))
  );
}
