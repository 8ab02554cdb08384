import type { KnownEvent } from "@hansard/core";
import { FILE_DELETED } from "../file-deletions.ts";

/** What the journal holds about one message. */
export interface KnownMessage {
  /** Version → type of the event. A message that was never changed has the version "". */
  versions: Map<string, string>;
  /** `<name>/<user>` → what was captured of that reaction. */
  reactions: Map<string, KnownReaction>;
  /** Ids of its files of which it was captured that they are gone. */
  deletedFiles: Set<string>;
}

/** The newest of a reaction that was captured: whether it was there then. */
export interface KnownReaction {
  at: string;
  isThere: boolean;
  /** Each that was captured: when, and whether it is Slack's own word or was seen by comparing. */
  captured: { at: string; isThere: boolean; isSeen: boolean }[];
}

export type Known = Map<string, KnownMessage>;

type Captured = (range: { from: string; to: string }) => AsyncIterable<KnownEvent>;

const REACTION = "#reaction/";
/** Stands before the version of what was seen by comparing: it happened before that time. */
export const SEEN = "seen-";
export const DELETED = "deleted";
/** Sorts after every character that a key holds. */
const AFTER_ALL = "\u007f";

/** What the journal holds of the messages from `first` up to `last`, both included. */
export async function loadKnown(captured: Captured, conversation: string, first: string, last: string): Promise<Known> {
  const known: Known = new Map();
  const prefix = `${conversation}:`;
  for await (const { key, version, type } of captured({ from: prefix + first, to: prefix + last + AFTER_ALL })) {
    const rest = key.slice(prefix.length);
    const cut = rest.indexOf("#");
    const message = entryFor(known, cut < 0 ? rest : rest.slice(0, cut));
    if (cut < 0) message.versions.set(version, type);
    else if (rest.startsWith(REACTION, cut)) addReaction(message, rest.slice(cut + REACTION.length), version, type);
    else if (rest.startsWith(FILE_DELETED, cut)) message.deletedFiles.add(rest.slice(cut + FILE_DELETED.length));
  }
  return known;
}

export function reactionKey(conversation: string, ts: string, reaction: string): string {
  return `${conversation}:${ts}${REACTION}${reaction}`;
}

function entryFor(known: Known, ts: string): KnownMessage {
  const found = known.get(ts);
  if (found) return found;
  const message: KnownMessage = { versions: new Map(), reactions: new Map(), deletedFiles: new Set() };
  known.set(ts, message);
  return message;
}

function addReaction({ reactions }: KnownMessage, name: string, version: string, type: string): void {
  const isSeen = version.startsWith(SEEN);
  const at = isSeen ? version.slice(SEEN.length) : version;
  const isThere = type === "Reaction";
  const found = reactions.get(name);
  if (!found) {
    reactions.set(name, { at, isThere, captured: [{ at, isThere, isSeen }] });
    return;
  }
  found.captured.push({ at, isThere, isSeen });
  if (at >= found.at) Object.assign(found, { at, isThere });
}
