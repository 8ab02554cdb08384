import type { Json } from "@hansard/core";
import { digest, type JsonObject } from "../schema/json.ts";

/** Somebody came or went, or the source listed who was there. */
export interface MembershipChange {
  ts: string;
  joined: string[];
  left: string[];
  present?: string[];
}

/** Who was in a conversation at a time, as contexts that many events share. */
export interface Membership {
  /** Names the contexts of that time, and adds to `contexts` those that were not handed out before. */
  at(ts: string, contexts: Record<string, Json>): Record<string, string>;
}

/**
 * A conversation of 2,000 people who joined one by one would need 2,000 lists of up to 2,000 ids. Every 64th change is
 * stored as a whole list and those between as what changed since: some hundred kilobytes in place of tens of megabytes.
 */
const CHANGES_PER_LIST = 64;

/**
 * Replays joins and leaves. The export lists who is in a conversation now; undoing the changes from the last to the
 * first gives who was in it at the start, and replaying them from there who was in it at each time.
 */
export function replayMembership(membersNow: string[], changes: MembershipChange[]): Membership {
  const members = membersAtStart(membersNow, changes);
  const lists: string[][] = [];
  changes.forEach((change, index) => {
    if (index % CHANGES_PER_LIST === 0) lists.push([...members].sort());
    apply(change, members);
  });
  if (lists.length === 0) lists.push([...members].sort());
  const handedOut = new Map<number, Record<string, string>>();
  const listIds = new Map<number, string>();

  function at(ts: string, contexts: Record<string, Json>): Record<string, string> {
    const index = countUntil(changes, ts);
    const known = handedOut.get(index);
    if (known) return known;
    const number = Math.min(Math.floor(index / CHANGES_PER_LIST), lists.length - 1);
    const list = lists[number] ?? [];
    const since = changesSince(list, changes.slice(number * CHANGES_PER_LIST, index));
    const names: Record<string, string> = {};
    if (list.length + since.joined.length > 0) {
      const members = listIds.get(number) ?? addContext({ ids: list }, contexts);
      listIds.set(number, members);
      names["members"] = members;
      if (since.joined.length + since.left.length > 0) names["membersSince"] = addContext(since, contexts);
    }
    handedOut.set(index, names);
    return names;
  }

  return { at };
}

function membersAtStart(membersNow: string[], changes: MembershipChange[]): Set<string> {
  // Slack lists nobody in an archived conversation; who was there stands in the message that archived it.
  let members = new Set(membersNow);
  for (const { joined, left, present } of changes.toReversed()) {
    if (present && members.size === 0) members = new Set(present);
    for (const id of joined) members.delete(id);
    for (const id of left) members.add(id);
  }
  return members;
}

function apply({ joined, left, present = [] }: MembershipChange, members: Set<string>): void {
  for (const id of present) members.add(id);
  for (const id of joined) members.add(id);
  for (const id of left) members.delete(id);
}

/** How many changes had happened at `ts`, its own included: who joins reads the message that says so. */
function countUntil(changes: MembershipChange[], ts: string): number {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((changes[middle]?.ts ?? "") <= ts) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The net of some changes to a sorted list. */
function changesSince(list: string[], changes: MembershipChange[]): { joined: string[]; left: string[] } {
  const touched = new Map<string, boolean>();
  for (const { joined, left, present = [] } of changes) {
    for (const id of [...present, ...joined]) touched.set(id, true);
    for (const id of left) touched.set(id, false);
  }
  const joined: string[] = [];
  const left: string[] = [];
  const before = touched.size > 0 ? new Set(list) : undefined;
  for (const [id, present] of touched) {
    if (present && !before?.has(id)) joined.push(id);
    if (!present && before?.has(id)) left.push(id);
  }
  return { joined: joined.sort(), left: left.sort() };
}

/** Names a context by its content, so that the same surroundings are stored once. Nothing may change `value` afterwards. */
export function addContext(value: JsonObject, contexts: Record<string, Json>): string {
  let id = named.get(value);
  if (id === undefined) {
    id = digest(value, 32);
    named.set(value, id);
  }
  contexts[id] = value;
  return id;
}

/** A workspace's people are the same object for each of its conversations: naming thousands of them takes long. */
const named = new WeakMap<JsonObject, string>();
