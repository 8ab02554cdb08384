/** A message as an archive that can be searched describes it. */
export interface ArchivedMessage {
  /** With angle brackets. */
  messageId: string;
  messageClass: string;
  /** ISO 8601 in UTC. */
  date: string;
  subject: string;
  /** Name and address of the sender. */
  from: string;
  /** Of the whole mail. */
  sha256: string;
  size: number;
  copies: { mailbox: string; folder: string }[];
}

/** What a destination offers that keeps the mail itself and can be asked about it. */
export interface MailArchive {
  /** The newest first. A query that cannot be understood is a SettingsError that names the place. */
  search(query: string, options?: { limit?: number }): Promise<ArchivedMessage[]>;
  count(query: string): Promise<number>;
  find(messageId: string): Promise<ArchivedMessage | undefined>;
  /** The mail's bytes. */
  mail(messageId: string): AsyncIterable<Uint8Array>;
  /** Every message, or those that a query finds, in the order in which they were stored. */
  list(query?: string): AsyncIterable<ArchivedMessage>;
  /** Re-hashes all that is stored; a sentence for each thing that is wrong. */
  verify(): Promise<string[]>;
}
