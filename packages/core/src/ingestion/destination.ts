import type { Finding } from "../connector.ts";
import type { BlobReader, Mail, Message } from "./mail.ts";
import type { MailArchive } from "./mail-archive.ts";

/** The version of the interface between runners and destination packages. */
export const DESTINATION_VERSION = 1;

/** A folder of a mailbox, by what it is for. Each destination knows its own name of it. */
export type Folder =
  /** Recoverable Items/Purges: kept by a hold, found by search, not seen by the mailbox's owner. */
  | { kind: "purges" }
  | { kind: "inbox" }
  /** A folder that the mailbox's owner sees, such as `["Slack"]`, the outermost first. */
  | { kind: "visible"; path: string[] };

/** One message on its way to one mailbox and folder. */
export interface Delivery {
  /** The journal's id of it, the same at every attempt. */
  id: string;
  message: Message;
  mail: Mail;
  /** The mailbox's primary address, in lower case. */
  mailbox: string;
  folder: Folder;
}

/** What the destination answered. */
export interface Receipt {
  /** The destination's own id of the stored item. */
  itemId: string;
  /** The id by which the destination's operators find the request: `x-IngestionCorrelationID`, `request-id` or the like. */
  correlationId: string;
}

/** What became of one delivery. */
export type Outcome =
  | { status: "accepted"; receipt: Receipt }
  /** The mailbox does not exist. The message goes to the third-party data mailbox. Access denied is never this. */
  | { status: "no-mailbox"; reason: string }
  /** Purges of the mailbox would not keep it, since no hold is proven. The message goes to the third-party data mailbox. */
  | { status: "no-hold"; reason: string; remedy: string }
  /** The destination will never take this message as it is. It goes to quarantine. */
  | { status: "refused"; reason: string; remedy?: string }
  /** Surely not stored. It is tried again, not before `retryAt` where that is given. */
  | { status: "retry"; reason: string; retryAt?: Date }
  /** It may have been stored. It is looked for after the destination's `settleMs`, and written only if absent. */
  | { status: "unknown"; reason: string }
  /** The destination or its permissions are set up wrongly. Delivery to it stops and the operator is told. */
  | { status: "misconfigured"; reason: string; remedy: string };

export interface DestinationLimits {
  /** The largest mail it takes, in bytes. A larger message is split into a numbered series. */
  messageBytes: number;
  /** How many attachments a mail may have. A message with more is split likewise. Absent: any number. */
  messageAttachments?: number;
  /** How many deliveries one `submit` takes at most. */
  batchDeliveries: number;
  /** How many bytes of mail one `submit` takes at most; a single larger mail goes alone. */
  batchBytes: number;
  /** How many `submit` calls may be under way at once, in all. */
  concurrency: number;
  /** How many may be under way for one mailbox. Absent: deliveries to many mailboxes share one call. */
  mailboxConcurrency?: number;
}

/** Why a mailbox is not believed to be on hold. */
export interface HoldDoubt {
  reason: string;
  remedy: string;
}

/** Where messages go. A destination package exports `destination`, a `DestinationPlugin` that opens one of these. */
export interface Destination {
  /** `exactly-once`: a delivery submitted again is recognised and answered with its first receipt. */
  guarantee: "exactly-once" | "at-least-once";
  limits: DestinationLimits;
  /** How long after an ambiguous answer a write may still appear, in milliseconds. 0 for exactly-once. */
  settleMs: number;
  /** Looks at reachability, permissions, folders and holds. */
  check(): Promise<Finding[]>;
  /** Writes deliveries and says of each what became of it, in their order. It throws only when it cannot say. */
  submit(deliveries: Delivery[], options: { signal: AbortSignal }): Promise<Outcome[]>;
  /**
   * Looks deliveries up by identity, in their order; undefined where the destination does not have one. Rejects when it
   * cannot say: those deliveries stay open. With `mailboxConcurrency` all deliveries of a call are for one mailbox.
   */
  find(deliveries: Delivery[], options: { signal: AbortSignal }): Promise<(Receipt | undefined)[]>;
  /** Reads a stored message back, as mail where the destination keeps mail. Absent: it cannot. */
  read?(mailbox: string, receipt: Receipt): AsyncIterable<Uint8Array>;
  /**
   * Takes copies out of a mailbox whose messages have since reached their owners. The destination records it, and what a
   * hold keeps stays kept. Absent: it cannot, and the copies remain.
   */
  withdraw?(copies: { mailbox: string; receipt: Receipt }[], options: { signal: AbortSignal }): Promise<void>;
  /**
   * Why Purges of a mailbox would not keep a message, and what to do; undefined where a hold is proven or confirmed.
   * Absent: the destination keeps whatever it is given.
   */
  holdDoubt?(mailbox: string): HoldDoubt | undefined;
  /** Whether a person has a mailbox by the destination's own directory: its primary address, or undefined. */
  resolve?(address: string): Promise<string | undefined>;
  /** Tidies up after a run, such as merging what many small writes left apart. */
  maintain?(): Promise<void>;
  /** Re-hashes what it stored; a sentence for each thing that is wrong. Absent: it cannot, or its `archive` does. */
  verify?(): Promise<string[]>;
  /** Where the destination can be searched and read. */
  archive?: MailArchive;
  close(): Promise<void>;
}

/** What a destination is opened with. */
export interface DestinationContext<Settings> {
  /** The destination's key in the configuration. */
  id: string;
  settings: Settings;
  blobs: BlobReader;
  /** A folder of the destination's own, for what it must keep between runs. It exists. */
  folder: string;
  /** Where the configuration sends messages: what nobody claims, and everybody's own. Absent: there is no configuration. */
  routing?: { thirdPartyMailbox: string; folder: Folder };
  log: import("../connector.ts").Logger;
}

/** What a destination package exports as `destination`. */
export interface DestinationPlugin {
  destinationVersion: number;
  id: string;
  title: string;
  /** A Standard Schema with a JSON Schema, as a connector's. */
  settings: import("@standard-schema/spec").StandardSchemaV1;
  open(context: DestinationContext<never>): Promise<Destination>;
}
