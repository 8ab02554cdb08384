import type { Json } from "@hansard/core";
import { expect, test } from "vitest";
import { type MembershipChange, replayMembership } from "./membership.ts";

function membersAt(ts: string, now: string[], changes: MembershipChange[]): string[] {
  const contexts: Record<string, Json> = {};
  const names = replayMembership(now, changes).at(ts, contexts);
  const list = contexts[names["members"] ?? ""] as { ids: string[] } | undefined;
  const since = contexts[names["membersSince"] ?? ""] as { joined: string[]; left: string[] } | undefined;
  return [...(list?.ids ?? []).filter((id) => !since?.left.includes(id)), ...(since?.joined ?? [])].sort();
}

const joins = (ts: string, user: string): MembershipChange => ({ ts, joined: [user], left: [] });
const leaves = (ts: string, user: string): MembershipChange => ({ ts, joined: [], left: [user] });

test("gives who was there at each time by undoing and replaying joins and leaves", () => {
  const changes = [
    joins("1700000010.0", "B"),
    leaves("1700000020.0", "C"),
    joins("1700000030.0", "C"),
    leaves("1700000040.0", "D"),
  ];
  expect(membersAt("1700000000.0", ["A", "B", "C"], changes)).toEqual(["A", "C", "D"]);
  expect(membersAt("1700000010.0", ["A", "B", "C"], changes)).toEqual(["A", "B", "C", "D"]);
  expect(membersAt("1700000025.0", ["A", "B", "C"], changes)).toEqual(["A", "B", "D"]);
  expect(membersAt("1700000050.0", ["A", "B", "C"], changes)).toEqual(["A", "B", "C"]);
});

test("takes the members of an archived channel from the message that archived it", () => {
  const changes = [joins("1700000010.0", "B"), { ts: "1700000020.0", joined: [], left: [], present: ["A", "B"] }];
  expect(membersAt("1700000000.0", [], changes)).toEqual(["A"]);
  expect(membersAt("1700000015.0", [], changes)).toEqual(["A", "B"]);
});

test("keeps who joined and is not in the list of today, as deactivated people are not", () => {
  expect(membersAt("1700000015.0", [], [joins("1700000010.0", "B")])).toEqual(["B"]);
});

test("stores the members of a channel that 2,000 people joined one by one in less than 2 MB", () => {
  const people = Array.from({ length: 2000 }, (_, index) => `U${String(index).padStart(10, "0")}`);
  const changes = people.map((user, index) => joins(`${1_700_000_000 + index}.000000`, user));
  const membership = replayMembership(people, changes);
  const contexts: Record<string, Json> = {};
  const startedAt = performance.now();
  for (const { ts } of changes) membership.at(ts, contexts);
  expect(JSON.stringify(contexts).length).toBeLessThan(2_000_000);
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect(membersAt("1700001000.000000", people, changes)).toEqual(people.slice(0, 1001));
});

test("hands each context out once", () => {
  const membership = replayMembership(["A"], [joins("1700000010.0", "B")]);
  const [first, second]: Record<string, Json>[] = [{}, {}];
  const names = membership.at("1700000020.0", first ?? {});
  expect(membership.at("1700000030.0", second ?? {})).toEqual(names);
  expect(Object.keys(second ?? {})).toEqual([]);
});
