import type { Json } from "@hansard/core";
import type { Conversation, People } from "../directory.ts";
import type { MembershipChange } from "../membership.ts";
import type { SlackApi } from "./api.ts";

/** A conversation as Slack lists it. */
export interface LiveConversation extends Conversation {
  /** The workspace that Discovery wants to be named. Absent for direct messages and in mode `web`. */
  team?: string;
}

/** Who and what there is, read once a run. */
export interface LiveDirectory {
  people: People;
  channelNames: Record<string, string>;
  conversations: Map<string, LiveConversation>;
}

/** A stretch of a conversation, as Slack timestamps: from `oldest` up to, and without, `latest`. */
export interface Window {
  oldest: string;
  latest: string;
}

/** The root of a thread, with what it says about its replies. */
export interface ThreadRoot {
  ts: string;
  data: Json;
}

/** Who is in a conversation, and when people came and went where the source tells. */
export interface Members {
  now: string[];
  changes: MembershipChange[];
}

/** What Discovery and the Web API have in common, so that one way of reading serves both. */
export interface LiveSource {
  readonly mode: "discovery" | "web";
  readonly api: SlackApi;
  directory(): Promise<LiveDirectory>;
  /** The messages of a window, newest first. */
  history(place: LiveConversation, window: Window): AsyncGenerator<Json[]>;
  /** What Slack recorded of edits and deletions in a window. */
  edits(place: LiveConversation, window: Window): AsyncGenerator<Json[]>;
  renames(place: LiveConversation, window: Window): AsyncGenerator<Json[]>;
  /** The replies of a thread. Those that `isSettled` names need not be fetched, where that saves a request each. */
  replies(place: LiveConversation, root: ThreadRoot, isSettled: (ts: string) => boolean): AsyncGenerator<Json[]>;
  /** A message as it stands, or undefined where it is gone. */
  message(place: LiveConversation, ts: string): Promise<Json | undefined>;
  /** A message with everybody who reacted to it, where the source can be asked for that. */
  reactions(place: LiveConversation, ts: string): Promise<Json | undefined>;
  members(place: LiveConversation): Promise<Members>;
  /** What Slack says about a file, or undefined where it is gone. */
  file(id: string): Promise<Json | undefined>;
}
