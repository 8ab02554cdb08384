import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { BlobReference, CapturedEvent, FollowUp, Json, Page } from "./event.ts";
import type { HttpClient } from "./http/http-client.ts";
import type { MessageDraft } from "./message.ts";

/** The version of this contract. A runner loads connectors of its own contract version only. */
export const CONTRACT_VERSION = 1;

/** Turns an event into a message. It is pure: no clock, no network, no randomness, nothing but its argument. */
export type MapEvent = (event: CapturedEvent) => MessageDraft;

/**
 * What a connector captures and what it cannot. Each claim is shown by a fixture, or the conformance suite fails; what
 * cannot be captured is said to the people who rely on the archive.
 */
export interface Captures {
  /** `every-version`: each edit is an event of its own; `last-version`: only what stood when it was read. */
  edits: "every-version" | "last-version" | "not-reported";
  /** `with-original`: the tombstone shows what was deleted; `tombstone`: only that something was. */
  deletes: "with-original" | "tombstone" | "not-reported";
  /** `content`: files come with their bytes; `reference`: only their names; `none`: the source has no files. */
  attachments: "content" | "reference" | "none";
  reactions: "each" | "state" | "not-reported" | "none";
  /** Whether the recipients are those who could read it at that time, those of today, or not known. */
  participants: "at-the-time" | "current" | "not-reported";
  /** How far back a first read reaches, as a sentence, such as "The whole export". */
  history: string;
  /** What the source never gives, a sentence each. */
  never?: string[];
}

/** One result of `check`, before the first run and on demand. */
export interface Finding {
  level: "ok" | "warning" | "error";
  /** What was looked at and found, as a sentence. */
  message: string;
  /** What to do about it, where it is not `ok`. */
  remedy?: string;
}

/** An independent stream within a source, such as a channel, a user or a file. Partitions are read side by side. */
export interface Partition {
  /** Unique within the source and stable across runs. */
  id: string;
  /** The name as shown to people. */
  name: string;
}

/** A structured logger. The message is constant; what varies stands in `details`. Secrets and contents never go in. */
export interface Logger {
  debug(message: string, details?: Record<string, unknown>): void;
  info(message: string, details?: Record<string, unknown>): void;
  warn(message: string, details?: Record<string, unknown>): void;
  error(message: string, details?: Record<string, unknown>): void;
}

/** Stores content in the journal before the event that refers to it. */
export interface BlobWriter {
  /**
   * Streams `content` to the content store. It is durable before the page that refers to it, or with it.
   * Rejects with an UnexpectedResponseError when it is longer than `maxBytes`, and then nothing is kept.
   */
  put(content: AsyncIterable<Uint8Array> | Uint8Array, options?: { maxBytes?: number }): Promise<BlobReference>;
}

/** An event that the journal holds already. */
export interface KnownEvent {
  key: string;
  /** Empty for an event that was captured without a version. */
  version: string;
  type: string;
}

/**
 * A small durable memory of the source's own, for what must outlive a crash between two pages, such as a rotating refresh
 * token. Runners keep it sealed, and out of exports and logs.
 */
export interface SourceState {
  /** Rejects with an AuthenticationError where the value is there and cannot be opened. */
  get(name: string): Promise<string | undefined>;
  /** Durable when the promise resolves. */
  put(name: string, value: string): Promise<void>;
  /**
   * Runs `work` while no other process runs such work for this source. A token that can be used once is to be read, used
   * and replaced within it: the runner's lock on its data folder lets one process capture, but `check` runs beside it.
   * Absent where no other process can be using the state.
   */
  exclusive?<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** What every function of a connector that talks to the world receives. */
export interface SourceContext<Settings> {
  settings: Settings;
  /** Requests to the declared hosts only. */
  http: HttpClient;
  log: Logger;
  /** Aborted when the run must end. */
  signal: AbortSignal;
  /** When this run started. A window's upper end is this, never a time out of the content. */
  startedAt: Date;
  state: SourceState;
}

export interface ReadContext<Settings, Checkpoint> extends SourceContext<Settings> {
  /** The partition to read; for a connector without `partitions`, the one partition `all`. */
  partition: Partition;
  /** Where the last read of this partition became durable. Absent at the first. */
  checkpoint: Checkpoint | undefined;
  /** The follow-ups of this partition that are due. */
  followUps: FollowUp[];
  blobs: BlobWriter;
  /** The events that the journal holds of this source with `from <= key < to`, in the order of their keys. */
  captured(range: { from: string; to: string }): AsyncIterable<KnownEvent>;
}

/** What an author writes. See `docs/writing-a-connector.md`. */
export interface ConnectorDefinition<
  Settings extends StandardSchemaV1 = StandardSchemaV1,
  Checkpoint extends StandardSchemaV1 = StandardSchemaV1,
  Events extends Record<string, MapEvent> = Record<string, MapEvent>,
> {
  /** The folder, the package's suffix and the key in the configuration: lower-case letters, digits and hyphens. */
  id: string;
  /** The Source in `IPM.NOTE.Source.Event`: letters, digits and `!`. */
  source: string;
  /** The name as shown to people, such as "Slack". */
  title: string;
  /** A Standard Schema with a JSON Schema; forms, documentation and errors derive from it. Secrets carry `secret: true`. */
  settings: Settings;
  /** Likewise. Its shape is public API: the next version must read what this one stored. */
  checkpoint: Checkpoint;
  captures: Captures;
  /** Event type → pure mapping. The keys end up in the message class. `Other` is mandatory: nothing is dropped because it is new. */
  events: Events & { Other: MapEvent };
  /** The hosts that `http` may talk to, such as `slack.com` or `*.slack.com`. Absent: none. */
  hosts?: (settings: StandardSchemaV1.InferOutput<Settings>) => string[];
  /** Looks at credentials, permissions, history depth and clock before the first run. */
  check?: (context: SourceContext<StandardSchemaV1.InferOutput<Settings>>) => Promise<Finding[]>;
  /** The independent streams. Absent: there is one. */
  partitions?: (context: SourceContext<StandardSchemaV1.InferOutput<Settings>>) => Promise<Partition[]>;
  /** Yields pages from the checkpoint on. It may be stopped after any page and called again. */
  read: (
    context: ReadContext<StandardSchemaV1.InferOutput<Settings>, StandardSchemaV1.InferOutput<Checkpoint>>,
  ) => AsyncGenerator<Page<Extract<keyof Events, string> | "Other", StandardSchemaV1.InferInput<Checkpoint>>>;
  /** Ids only, so that reconciliation can prove completeness. */
  enumerate?: (
    context: SourceContext<StandardSchemaV1.InferOutput<Settings>>,
  ) => AsyncGenerator<{ key: string; version?: string }>;
}

/** A connector as runners see it: plain data and functions, of a known contract version. */
export interface Connector {
  contractVersion: number;
  id: string;
  source: string;
  title: string;
  settings: StandardSchemaV1;
  checkpoint: StandardSchemaV1;
  captures: Captures;
  events: Record<string, MapEvent>;
  hosts?: (settings: never) => string[];
  check?: (context: SourceContext<never>) => Promise<Finding[]>;
  partitions?: (context: SourceContext<never>) => Promise<Partition[]>;
  read: (context: ReadContext<never, never>) => AsyncGenerator<Page<string, Json>>;
  enumerate?: (context: SourceContext<never>) => AsyncGenerator<{ key: string; version?: string }>;
}
