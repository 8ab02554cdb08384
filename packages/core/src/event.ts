/** Anything that JSON can hold. Events, contexts and checkpoints are stored as JSON and must survive the round trip. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Content that the journal holds, addressed by its hash. */
export interface BlobReference {
  /** SHA-256 of the content, as 64 lower-case hexadecimal digits. */
  sha256: string;
  /** The content's length in bytes. */
  size: number;
}

/** A file that belongs to an event. Either its content was captured, or it is said why not. */
export type EventAttachment = {
  /** The file's own id at the source, stable across reads. */
  id: string;
  /** The file's name as the source gives it. It is a label and never a path. */
  name: string;
  /** The media type that the source claims, such as `image/png`. */
  contentType?: string;
} & ({ blob: BlobReference } | { unavailable: string });

/** One thing that happened at the source, recorded as the source told it. */
export interface SourceEvent<Type extends string = string> {
  /** One of the keys of the connector's `events`. It ends up in the message class. */
  type: Type;
  /**
   * The source's own identity of the thing, unique within the configured source: container and id, such as
   * `C024BE91L:1401383885.000061`. Keys of one partition share a prefix and sort as the source orders its events
   * where the source has an order.
   */
  key: string;
  /**
   * Tells the versions of one key apart. It is taken from stable fields, such as the time of the edit; absent for a
   * thing that was never changed. The same key and version is the same event, however often it is read.
   */
  version?: string;
  /** When it happened, by the source's clock: ISO 8601 with offset. */
  occurredAt: string;
  /** What the source said, unchanged. */
  data: Json;
  /** What the event needs of its surroundings: name → id of a context that this or an earlier page carries. */
  context?: Record<string, string>;
  attachments?: EventAttachment[];
  /** The claim that counts this event, where the page or an earlier one makes one. See {@link Claim}. */
  claim?: string;
}

/** An event as `map` receives it: from the journal, with its contexts resolved. */
export interface CapturedEvent {
  type: string;
  key: string;
  /** Empty for an event that was captured without a version. */
  version: string;
  occurredAt: string;
  data: Json;
  context: Record<string, Json>;
  attachments: EventAttachment[];
}

/** Work that is owed: a thread whose late replies must be looked for again, a file that was not there yet. */
export interface FollowUp {
  /** Unique within the partition; a later follow-up of the same id replaces the earlier one. */
  id: string;
  /** Not before this time: ISO 8601 with offset. Absent: at the next read. */
  dueAt?: string;
  /** What the connector needs to do the work. */
  data: Json;
}

/** A hole that is known: something that exists or existed at the source and could not be captured. */
export interface Gap {
  /** Unique within the source, so that meeting the same hole again does not count it twice. */
  id: string;
  /** Names the place and the cause, as a sentence. */
  reason: string;
  /** What an operator can do to close it, as a sentence. */
  remedy?: string;
  /** How many events are missing. 0 where the events are there and only a part of them, such as a file, is not. */
  events: number;
  /** The claim that counts the missing events. */
  claim?: string;
}

/** Events that the settings say not to capture. They are counted, so that the books balance. */
export interface Exclusion {
  /** Unique within the source. */
  id: string;
  reason: string;
  events: number;
  claim?: string;
}

/** How many events the source says exist in a part of it, such as one file or one window of one channel. */
export interface Claim {
  /** Names the part, unique within the source; a later claim of the same id replaces the earlier one. */
  id: string;
  events: number;
}

/**
 * What a connector hands over at once. All of it becomes durable in one transaction, or none of it does.
 * A page should hold some hundreds to a thousand events: each page costs one synchronous write.
 */
export interface Page<Type extends string = string, Checkpoint = Json> {
  events: SourceEvent<Type>[];
  /** New contexts by id. An id that the journal has already is kept as it was, so an id must name the content, as a hash does. */
  contexts?: Record<string, Json>;
  /**
   * Where it is safe to resume: everything up to it is in the journal, or owed as a follow-up, or declared as a gap.
   * Absent when resuming must still start at the earlier one.
   */
  checkpoint?: Checkpoint;
  followUps?: FollowUp[];
  /** Ids of the follow-ups that are done with. */
  settled?: string[];
  gaps?: Gap[];
  /** Ids of gaps that are closed since. */
  closed?: string[];
  exclusions?: Exclusion[];
  claims?: Claim[];
}
