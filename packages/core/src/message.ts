import type { BlobReference } from "./event.ts";

/** A person, bot, channel, page or feed that a message is from or addressed to. */
export interface Participant {
  /** The source's own id of the participant. The people map may name it. */
  id: string;
  /** The name as shown to people. */
  name?: string;
  /** The mail address that the source knows, if any. */
  address?: string;
  /** Absent for a person. A place, such as a channel or a feed, never has a mailbox. */
  kind?: "person" | "bot" | "place";
}

/** What a mapping makes of an event: plain JSON, from which the ingestion client composes the mail. */
export interface MessageDraft {
  from: Participant;
  /** Everyone who could read it when it was said. A public post is addressed to its feed, page or channel. */
  to: Participant[];
  /** When it was said: ISO 8601 with offset. It becomes the mail's Date. */
  date: string;
  subject: string;
  /** The body as plain text. */
  text: string;
  /** The body as HTML. Absent: only text. It may show an attachment inline by `cid:` and the attachment's id. */
  html?: string;
  attachments?: MessageAttachment[];
  /** What was omitted or could not be read, a sentence each. They are said in the message itself. */
  notes?: string[];
  /** The conversation that it belongs to: a channel, a thread's channel, a direct message. Groups transcripts. */
  conversation?: { id: string; name: string };
  /** Keys of the events that this one answers or belongs to, the oldest first. They become References. */
  references?: string[];
}

/** A file of the message. */
export interface MessageAttachment {
  /** The id that `html` refers to, unique within the message. */
  id: string;
  name: string;
  contentType?: string;
  content: { blob: BlobReference } | { text: string };
  /** Whether `html` shows it in its place. */
  inline?: boolean;
}
