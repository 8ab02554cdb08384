import { expect, test } from "vitest";
import type { IntendedTarget, Settlement } from "./journal.ts";
import { ParkedCount } from "./parked.ts";
import { NO_SUCH_MAILBOX, unprovenRule } from "./route.ts";

const [ANN, BOB, CEM] = ["ann@x.example", "bob@x.example", "cem@x.example"];
const receipt = { itemId: "item", correlationId: "request" };
const third = (rule: string): IntendedTarget => ({ mailbox: "third@x.example", folder: { kind: "inbox" }, rule });

test("a copy that serves several is known to be one, for each reason that it is parked for", () => {
  const count = new ParkedCount();
  for (const _ of ["one intent", "another"]) {
    count.begin();
    count.settled(0, third(unprovenRule([ANN, BOB])), { status: "delivered", receipt });
    for (const mailbox of [BOB, CEM]) count.settled(0, own(mailbox), redirected());
    count.settled(1, own(CEM), redirected());
  }
  expect(count.copies).toEqual([
    { mailbox: ANN, why: "no-hold", copies: 2, shared: 0 },
    { mailbox: BOB, why: "no-hold", copies: 2, shared: 2 },
    { mailbox: BOB, why: "no-mailbox", copies: 2, shared: 0 },
    { mailbox: CEM, why: "no-mailbox", copies: 4, shared: 2 },
  ]);
});

test("what arrives, and what nobody claims, is not parked for anybody", () => {
  const count = new ParkedCount();
  count.settled(0, own(ANN), { status: "delivered", receipt });
  count.settled(1, third("nobody"), { status: "delivered", receipt });
  expect(count.copies).toEqual([]);
});

function own(mailbox: string): IntendedTarget {
  return { mailbox, folder: { kind: "purges" }, rule: "address" };
}

function redirected(): Settlement["result"] {
  return { status: "redirected", to: third(NO_SUCH_MAILBOX), receipt, reason: "There is no such mailbox." };
}
