import { UnmappableEventError } from "../errors.ts";

/** `IPM.NOTE` is what partners are told to write; `IPM.ExternalData` is what searches for third-party data look for. */
export const MESSAGE_CLASS_PREFIXES = ["IPM.NOTE", "IPM.ExternalData"] as const;
export type MessageClassPrefix = (typeof MESSAGE_CLASS_PREFIXES)[number];

/** What a message class of ours is made of. */
export interface MessageClassParts {
  prefix: MessageClassPrefix;
  /** The third-party system, such as `Slack`. */
  source: string;
  /** What happened there, such as `Message`. */
  event: string;
}

const LONGEST_CLASS = 255;
/** MS-OXCMSG 2.2.1.3: 0x20 to 0x7F. The dot separates the tokens, so none of them holds one. */
const TOKEN = /^[\x20-\x2d\x2f-\x7f]+$/;

/** Builds `IPM.NOTE.Slack.Message` and its like. Throws an UnmappableEventError where that would not be a message class. */
export function messageClass(source: string, event: string, prefix: MessageClassPrefix = "IPM.NOTE"): string {
  if (!MESSAGE_CLASS_PREFIXES.includes(prefix)) {
    throw lacksClass(`The prefix "${prefix}" is neither ${MESSAGE_CLASS_PREFIXES.join(" nor ")}.`);
  }
  if (!isToken(source)) throw lacksClass(`The Source "${source}" is empty, holds a dot or is not ASCII.`);
  if (!isToken(event)) throw lacksClass(`The Event "${event}" is empty, holds a dot or is not ASCII.`);
  const text = `${prefix}.${source}.${event}`;
  if (text.length > LONGEST_CLASS)
    throw lacksClass(`It would have ${text.length} characters; ${LONGEST_CLASS} are allowed.`);
  return text;
}

/** Takes a message class apart, in whatever case it is written. Undefined where it is not one of ours. */
export function parseMessageClass(text: string): MessageClassParts | undefined {
  if (text.length > LONGEST_CLASS) return undefined;
  const prefix = MESSAGE_CLASS_PREFIXES.find((known) => startsWithAnyCase(text, `${known}.`));
  if (prefix === undefined) return undefined;
  const [source, event, ...more] = text.slice(prefix.length + 1).split(".");
  if (source === undefined || event === undefined || more.length > 0) return undefined;
  return isToken(source) && isToken(event) ? { prefix, source, event } : undefined;
}

/**
 * Whether a class fits a pattern such as `ipm.externaldata.slack*`, in any case. A `*` at the end stands for anything.
 * Administrators search for `IPM.ExternalData` what partners store as `IPM.NOTE`, so a class of ours fits under either prefix.
 */
export function matchesMessageClass(text: string, pattern: string): boolean {
  const parts = parseMessageClass(text);
  if (parts === undefined) return matchesPattern(text, pattern);
  return MESSAGE_CLASS_PREFIXES.some((prefix) => matchesPattern(`${prefix}.${parts.source}.${parts.event}`, pattern));
}

function matchesPattern(text: string, pattern: string): boolean {
  if (pattern.endsWith("*")) return startsWithAnyCase(text, pattern.slice(0, -1));
  return text.toLowerCase() === pattern.toLowerCase();
}

function startsWithAnyCase(text: string, start: string): boolean {
  return text.toLowerCase().startsWith(start.toLowerCase());
}

function isToken(text: string): boolean {
  return TOKEN.test(text) && text.trim() !== "";
}

function lacksClass(reason: string): UnmappableEventError {
  return new UnmappableEventError(`The message lacks MESSAGECLASS. ${reason}`, {
    remedy: "Give the connector a Source and event types of ASCII letters and digits, and replay the event.",
  });
}
