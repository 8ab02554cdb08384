import { expect, test } from "vitest";
import { Holds } from "./holds.ts";

const ANN = "ann@contoso.example";
const now = Date.parse("2026-06-10T12:00:00Z");
const confirmedOn = (on: string, mailboxes: "*" | string[] = "*") => ({
  confirmed: [{ mailboxes, on, by: "Olga" }],
  validDays: 30,
});

test("without an administrator's word every mailbox is in doubt", () => {
  expect(new Holds().doubt(ANN, now)?.reason).toContain(`confirmed that ${ANN} is on hold`);
  expect(new Holds().findings("the Inbox of x", now)).toMatchObject([{ level: "error" }]);
});

test.each([
  ["2026-06-10", undefined, "ok"],
  ["2026-05-11", undefined, "warning"],
  ["2026-05-10", "more than 30 days ago", "error"],
  ["2026-06-12", "yet to come", "error"],
])("a confirmation of %s counts for its days, and not before", (on, doubt, level) => {
  const holds = new Holds(confirmedOn(on));
  if (doubt === undefined) expect(holds.doubt(ANN, now)).toBeUndefined();
  else expect(holds.doubt(ANN, now)?.reason).toContain(doubt);
  expect(holds.findings(undefined, now)).toMatchObject([{ level }]);
});

test("the later of two confirmations counts, and one for others says nothing", () => {
  const { confirmed } = confirmedOn("2026-01-01");
  const holds = new Holds({ confirmed: [...confirmed, ...confirmedOn("2026-06-09", [ANN]).confirmed], validDays: 30 });
  expect(holds.doubt(ANN, now)).toBeUndefined();
  expect(holds.doubt("bob@contoso.example", now)).toBeDefined();
});

test("a mailbox that was seen to lose something is in doubt until it is confirmed anew, in later runs too", () => {
  const kept: { mailbox: string; at: number }[] = [];
  const losses = { lost: () => new Map(kept.map(({ mailbox, at }) => [mailbox, at])), lose: kept.push.bind(kept) };
  const today = confirmedOn(new Date().toISOString().slice(0, 10));
  expect(new Holds(today, losses).lost(ANN).reason).toContain("did not keep");
  expect(new Holds(today, losses).doubt(ANN)?.reason).toContain("did not keep");
  const later = confirmedOn(new Date(Date.now() + 1000).toISOString());
  expect(new Holds(later, losses).doubt(ANN)).toBeUndefined();
});
