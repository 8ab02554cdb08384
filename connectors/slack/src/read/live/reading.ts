import type { Json, ReadContext } from "@hansard/core";
import type { LiveCheckpoint, LiveSettings } from "../../schema.ts";
import { canonicalJson, stringAt } from "../../schema/json.ts";
import type { MembershipChange } from "../membership.ts";
import { describeSurroundings } from "../surroundings.ts";
import { changesIn } from "../survey.ts";
import { isTimestamp, secondsOf } from "../timestamp.ts";
import { collectPage, type LivePage } from "./live-page.ts";
import type { LiveConversation, LiveDirectory, LiveSource, Members } from "./live-source.ts";

/** Above this, the context of a conversation names only the people who occur in it. */
const PEOPLE_IN_EVERY_CONTEXT = 1000;
const ID = /\b[UWB][A-Z0-9]{2,40}\b/g;

export type LiveContext = ReadContext<LiveSettings, LiveCheckpoint>;

/** One conversation while it is read. */
export interface Reading {
  context: LiveContext;
  source: LiveSource;
  directory: LiveDirectory;
  place: LiveConversation;
  page: LivePage;
  /** The run's own start as a Slack timestamp. */
  now: string;
  /** Who is in the conversation now, and who came and went as far as it is known. */
  members: Members;
  /** Replies, and messages in threads that were also sent to the channel, that this read has met. */
  met: Set<string>;
  /** Roots of threads that this read has gone through. */
  threads: Set<string>;
}

export function beginReading(
  context: LiveContext,
  source: LiveSource,
  directory: LiveDirectory,
  place: LiveConversation,
): Reading {
  return {
    context,
    source,
    directory,
    place,
    page: collectPage(),
    now: secondsOf(context.startedAt),
    members: { now: place.members, changes: [] },
    met: new Set(),
    threads: new Set(),
  };
}

/** Learns from messages who came and went, where the source does not tell it otherwise. */
export function learnMembership({ members, source }: Reading, messages: Json[]): void {
  if (source.mode === "discovery") return;
  const known = new Set(members.changes.map((change) => canonicalJson(asJson(change))));
  const learnt = messages.flatMap(changesIn).filter((change) => !known.has(canonicalJson(asJson(change))));
  if (learnt.length === 0) return;
  members.changes = [...members.changes, ...learnt].sort((one, other) =>
    one.ts < other.ts ? -1 : Number(one.ts > other.ts),
  );
}

function asJson({ ts, joined, left }: MembershipChange): Json {
  return { ts, joined, left };
}

/** Names the contexts of events, as far as these messages need them. */
export function surroundingsOf(
  { place, directory, members, page }: Reading,
  messages: Json[],
): (moment: string) => Record<string, string> {
  const isLarge = Object.keys(directory.people).length > PEOPLE_IN_EVERY_CONTEXT;
  const { members: _, team: __, ...described } = place;
  return describeSurroundings(
    { conversation: { ...described, members: members.now }, workspace: directory },
    { changes: members.changes, occurring: isLarge ? idsIn(messages) : undefined },
    page,
  );
}

function idsIn(messages: Json[]): Set<string> {
  return new Set(messages.flatMap((message) => JSON.stringify(message).match(ID) ?? []));
}

/** Newest first, each once. What has no timestamp stands at the end. */
export function sortMessages(messages: Json[]): Json[] {
  return messages.toSorted((one, other) => compare(stringAt(other, "ts") ?? "", stringAt(one, "ts") ?? ""));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The timestamps of messages, newest first. */
export function timestampsOf(messages: Json[]): string[] {
  return messages.map((message) => stringAt(message, "ts")).filter(isTimestamp);
}
