import type { BlobWriter, KnownEvent } from "../connector.ts";
import type { CapturedEvent, FollowUp, Json, Page } from "../event.ts";
import type { Folder, Receipt } from "./destination.ts";
import type { BlobReader } from "./mail.ts";

/** An event as the journal gives it back, with its place in the journal. */
export interface JournalEvent extends CapturedEvent {
  /** Its number in the order of capture, unique over all sources, without meaning to the source. */
  seq: number;
  source: string;
}

/** Events that were taken, in the order of capture. Each is read when it is come to, so that a large batch needs no memory of its own. */
export interface TakenEvents extends Iterable<JournalEvent> {
  readonly length: number;
  /** The `seq` of the last of them; 0 where there is none. */
  readonly last: number;
}

/** What an appended page added. */
export interface AppendResult {
  /** Events that were new. */
  captured: number;
  /** Events that the journal held already. */
  known: number;
}

/** One message that is about to be delivered: what the journal keeps of it is enough to make it again and to compare. */
export interface IntendedMessage {
  /** The events that it is made of, by `seq`; more than one for a transcript. */
  events: number[];
  /** Its part in a series, from 1, where it was too large for one mail. */
  part?: number;
  /** Where it is the transcript of a group: which, and how many transcripts the group had before. */
  transcript?: { group: string; supplement: number };
  messageId: string;
  messageClass: string;
  /** Of the mail. */
  sha256: string;
  size: number;
  /**
   * The addresses that the people map gave to participants and that the mail shows, by `participantKey`: made again with a later map,
   * it must be the same mail. Absent: none.
   */
  addresses?: Record<string, string>;
  targets: IntendedTarget[];
}

/** One mailbox and folder that an intended message goes to, and why there. */
export interface IntendedTarget {
  mailbox: string;
  folder: Folder;
  /** The rule that chose the mailbox, such as `address`, `file people.csv:12`, `nobody`. */
  rule: string;
}

/** A batch of messages on their way to a destination, durable before the destination is asked. */
export interface Intent {
  source: string;
  destination: string;
  /** What the messages were made with: the connector's version and the digest of the people map. */
  madeWith: { connector: string; people: string };
  messages: IntendedMessage[];
  /** The cursor to store with it: events of the source up to this `seq` have been taken. Absent for a retry. */
  takenThrough?: number;
  /** Events that could not become messages, for quarantine in the same transaction. */
  quarantined: QuarantinedEvent[];
  /** Participants that nobody claimed, with the number of messages each is in. */
  unmapped: UnmappedPerson[];
  /** Waiting events that these messages consume. */
  released?: number[];
  /** Why it is delivered apart from the stream, if it is. */
  purpose?: "retry" | "reroute";
}

export interface QuarantinedEvent {
  event: number;
  stage: "map" | "deliver";
  reason: string;
  remedy?: string;
}

export interface UnmappedPerson {
  participant: string;
  name?: string;
  address?: string;
  messages: number;
}

/** Somebody whom nobody claimed when messages of a source went to a destination, and in how many of them. */
export interface UnmappedAt extends UnmappedPerson {
  source: string;
  destination: string;
}

/** An intent that has not been settled whole: what a run that starts after a crash has to finish first. */
export interface OpenIntent extends Omit<Intent, "quarantined" | "unmapped"> {
  id: number;
  /** The deliveries that are not settled yet. */
  deliveries: OpenDelivery[];
}

export interface OpenDelivery {
  id: string;
  /** Index into `messages` of the intent, and into its `targets`. */
  message: number;
  target: number;
  /** When it was last handed to the destination: milliseconds since 1970. Absent: never yet. */
  submittedAt?: number;
  /** Not to be tried before: milliseconds since 1970. */
  retryAt?: number;
  attempts: number;
}

/** What became of one delivery of an intent. */
export interface Settlement {
  message: number;
  target: number;
  result:
    | { status: "delivered"; receipt: Receipt }
    /** The target was replaced, such as by the third-party data mailbox, and the message was delivered there. */
    | { status: "redirected"; to: IntendedTarget; receipt: Receipt; reason: string }
    | { status: "quarantined"; reason: string; remedy?: string }
    | { status: "retry"; reason: string; retryAt: number };
}

/** Events that are taken but not delivered yet. */
export interface Hold {
  source: string;
  destination: string;
  takenThrough: number;
  /** Which group each event waits in, and when that group is complete: milliseconds since 1970. */
  events: { event: number; group: string; closesAt: number }[];
  quarantined: QuarantinedEvent[];
}

/** A group of events that wait to become one message. */
export interface WaitingGroup {
  key: string;
  events: number[];
  /** How many messages the group has given already: a late event makes a supplement. */
  delivered: number;
}

export interface QuarantineEntry {
  id: number;
  source: string;
  destination: string;
  event: number;
  eventKey: string;
  type: string;
  stage: "map" | "deliver";
  reason: string;
  remedy?: string;
  since: string;
  attempts: number;
}

/** The books of one source, in events. `claimed = captured + excluded + gaps` and `captured = delivered + quarantined + pending`. */
export interface SourceBooks {
  id: string;
  claimed: number;
  captured: number;
  excluded: number;
  gaps: number;
  delivered: number;
  quarantined: number;
  pending: number;
  /** Events that stand in neither column. It must be 0. */
  unaccounted: number;
  /** Names what does not balance: claims of which events are missing, events that no column holds. */
  discrepancies: string[];
}

export interface GapEntry {
  source: string;
  id: string;
  reason: string;
  remedy?: string;
  events: number;
  since: string;
}

/** What a source has done so far. */
export interface SourceStatus {
  id: string;
  connector: string;
  captured: number;
  /** By destination: message class → number of messages, and `mailbox/folder` → number of copies. */
  destinations: Record<string, { byClass: Record<string, number>; byMailbox: Record<string, number> }>;
  quarantined: number;
  /** Which days, by the events' own clock, hold events of which partitions. */
  coverage: { partition: string; firstDay: string; lastDay: string; days: number; events: number }[];
  openGaps: number;
  followUps: number;
  partitions: number;
  lastCapturedAt?: string;
  lastDeliveredAt?: string;
}

/** A copy that was taken out of a mailbox after the message had reached its owners. */
export interface WithdrawnCopy {
  messageId: string;
  mailbox: string;
  folder: Folder;
  receipt: Receipt;
}

/** Where one delivered message went. */
export interface Trace {
  intent: number;
  purpose?: "retry" | "reroute";
  destination: string;
  message: IntendedMessage;
  results: Settlement["result"][];
}

/**
 * The durable record between capture and delivery. Every method resolves only when what it promises is on disk. An
 * input or output error is final: the process must end, and no write is tried again in place.
 */
export interface Journal {
  blobs: BlobReader & BlobWriter;
  /** The installation's identity and the key of its Message-IDs, made once. */
  installation: { id: string; key: Uint8Array };

  /** Makes a source known. Calling it again updates the connector's version. */
  openSource(source: { id: string; connector: string; version: string }): Promise<void>;
  position(source: string, partition: string, now: Date): Promise<{ checkpoint?: Json; followUps: FollowUp[] }>;
  /** Writes a page: events, contexts, checkpoint, follow-ups, gaps and claims in one transaction. */
  append(source: string, partition: string, page: Page, now: Date): Promise<AppendResult>;
  captured(source: string, range: { from: string; to: string }): AsyncIterable<KnownEvent>;

  /** A small durable value of the source's own, such as a rotating refresh token. It is sealed, and in no entry. */
  state(source: string, name: string): Promise<string | undefined>;
  setState(source: string, name: string, value: string): Promise<void>;
  /** Runs `work` while no other process runs such work for the source. */
  exclusive<Result>(source: string, work: () => Promise<Result>): Promise<Result>;

  /** The next events of the source that the destination has not taken, in the order of capture. */
  take(source: string, destination: string, limit: number): Promise<TakenEvents>;
  /** Events by their numbers, in that order. */
  events(seqs: number[]): Promise<JournalEvent[]>;
  /** Takes events without delivering them yet: each waits in its group until `closesAt`. */
  wait(hold: Hold, now: Date): Promise<void>;
  /** Groups of which all time has passed. */
  closedGroups(source: string, destination: string, now: Date, limit: number): Promise<WaitingGroup[]>;

  /**
   * Writes an intent and gives its id. For an at-least-once destination each delivery is then followed singly. What
   * became of an earlier intent can be settled in the same transaction.
   */
  intend(
    intent: Intent,
    followSingly: boolean,
    now: Date,
    before?: { intent: number; settlements: Settlement[] },
  ): Promise<number>;
  openIntents(source: string, destination: string): Promise<OpenIntent[]>;
  /** Marks deliveries as handed over, before the destination is asked. */
  submitted(intent: number, deliveries: { message: number; target: number }[], now: Date): Promise<void>;
  settle(intent: number, settlements: Settlement[], now: Date): Promise<void>;

  /** Mailboxes that a message was brought to by rerouting, and those that it was withdrawn from. */
  rerouted(source: string, destination: string, messageId: string): Promise<{ added: string[]; withdrawn: string[] }>;
  /** Records that copies were taken out of a mailbox after others had been delivered in their place. */
  withdrawn(source: string, destination: string, copies: WithdrawnCopy[], now: Date): Promise<void>;

  quarantine(filter?: { source?: string }): Promise<QuarantineEntry[]>;
  gaps(filter?: { source?: string; open?: boolean }): Promise<GapEntry[]>;
  unmapped(): Promise<UnmappedAt[]>;
  /**
   * How each source stands. `destinations` are those that a source is to reach, by its id: all is pending at one that
   * nothing was sent to yet. Without it, only those count that something was sent to.
   */
  books(destinations?: Record<string, string[]>): Promise<SourceBooks[]>;
  status(): Promise<SourceStatus[]>;
  /** Every delivery that an event took part in. */
  trace(event: number): Promise<Trace[]>;
  /** All intents of a source and destination that were settled, the oldest first. */
  intents(source: string, destination: string): AsyncIterable<Trace>;
  findEvent(source: string, key: string): Promise<JournalEvent[]>;

  /** The log itself, the oldest entry first: what an export carries, so that anyone can recompute the chain. */
  entries(): AsyncIterable<JournalEntry>;
  /** Recomputes the hash chain and checks that the tables agree with it. */
  verify(): Promise<VerifyResult>;
  close(): Promise<void>;
}

/** An entry of the hash-chained log. `docs/specification.md` says what its hash is over. */
export interface JournalEntry {
  seq: number;
  kind: string;
  /** Milliseconds since 1970. */
  at: number;
  /** The body's JSON lines; undefined once the retention of raw events has removed them. */
  body: string | undefined;
  /** SHA-256 of the body, as hexadecimal digits. */
  bodyHash: string;
  hash: string;
}

export interface VerifyResult {
  entries: number;
  events: number;
  blobs: number;
  /** The hash of the last entry: what is anchored outside. */
  head: string;
  /** A sentence for each thing that is wrong. Empty: the journal is as it was written. */
  problems: string[];
}
