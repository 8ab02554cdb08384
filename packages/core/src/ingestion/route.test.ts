import { expect, test } from "vitest";
import type { Participant } from "../message.ts";
import { loadPeopleMap, type PeopleMap } from "./people/index.ts";
import { type RoutePolicy, routeMessage } from "./route.ts";

const POLICY: RoutePolicy = { thirdPartyMailbox: "third-party@contoso.example" };
const PURGES = { kind: "purges" };
const [anna, bob, eve]: [Participant, Participant, Participant] = [
  { id: "U1", name: "Anna", address: "anna@contoso.example" },
  { id: "U2", address: "bob@contoso.example" },
  { id: "U9", name: "Eve", address: "eve@elsewhere.example" },
];
const channel: Participant = { id: "C1", name: "#general", kind: "place", address: "general@contoso.example" };

async function route(from: Participant, to: Participant[], policy: Partial<RoutePolicy> = {}) {
  const people = await loadPeopleMap({
    domains: ["contoso.example"],
    files: [{ path: "p.csv", text: "id,mailbox\nU1b,anna@contoso.example\nBOT,third-party@contoso.example\n" }],
  });
  return routeMessage({ from, to }, people, { ...POLICY, ...policy });
}

test("every participant who has a mailbox gets one copy in Purges, in the order of the mailboxes", async () => {
  expect(await route(bob, [eve, anna, channel])).toEqual({
    targets: [
      { mailbox: "anna@contoso.example", folder: PURGES, rule: "address" },
      { mailbox: "bob@contoso.example", folder: PURGES, rule: "address" },
    ],
    unmapped: [eve],
  });
});

test("two accounts of one person, or one named twice, make one copy, with the rule that found the first", async () => {
  const { targets } = await route({ id: "U1b" }, [anna, anna, bob]);

  expect(targets[0]).toEqual({
    mailbox: "anna@contoso.example",
    folder: PURGES,
    rule: "file p.csv:2",
  });
  expect(targets).toHaveLength(2);
});

test("what nobody claims goes to the inbox of the third-party data mailbox", async () => {
  expect(await route(eve, [channel])).toEqual({
    targets: [
      {
        mailbox: "third-party@contoso.example",
        folder: { kind: "inbox" },
        rule: "nobody",
      },
    ],
    unmapped: [eve],
  });
});

test("a place has no mailbox and is missed by nobody", async () => {
  const { targets, unmapped } = await route(anna, [channel]);

  expect(targets.map(({ mailbox }) => mailbox)).toEqual(["anna@contoso.example"]);
  expect(unmapped).toEqual([]);
});

test("the folder is the policy's", async () => {
  const folder = { kind: "visible" as const, path: ["Slack"] };

  expect((await route(anna, [bob], { folder })).targets.map((target) => target.folder)).toEqual([folder, folder]);
});

test("where a mailbox's hold is not proven, its message goes to the third-party data mailbox, and the others' to theirs", async () => {
  const isHoldUnproven = (mailbox: string) => mailbox === "bob@contoso.example";

  expect((await route(anna, [bob, eve], { isHoldUnproven })).targets).toEqual([
    { mailbox: "anna@contoso.example", folder: PURGES, rule: "address" },
    {
      mailbox: "third-party@contoso.example",
      folder: { kind: "inbox" },
      rule: "hold not proven: bob@contoso.example",
    },
  ]);
  expect((await route(anna, [bob], { isHoldUnproven: () => true })).targets).toEqual([
    {
      mailbox: "third-party@contoso.example",
      folder: { kind: "inbox" },
      rule: "hold not proven: anna@contoso.example, bob@contoso.example",
    },
  ]);
});

test("a folder that keeps without a hold asks for none", async () => {
  const { targets } = await route(anna, [bob], { isHoldUnproven: () => true, folder: { kind: "inbox" } });

  expect(targets.map(({ mailbox }) => mailbox)).toEqual(["anna@contoso.example", "bob@contoso.example"]);
});

test("the third-party data mailbox gets one copy, even when it is a participant's own too", async () => {
  const { targets } = await route({ id: "BOT", kind: "bot" }, [bob], {
    isHoldUnproven: (mailbox) => mailbox === "bob@contoso.example",
  });

  expect(targets).toEqual([{ mailbox: "third-party@contoso.example", folder: PURGES, rule: "file p.csv:3" }]);
});

test("it answers at once without a directory, waits for one, and fails with one that cannot say", async () => {
  const message = { from: eve, to: [{ ...bob, address: "bob@elsewhere.example" }] };
  const asking = await loadPeopleMap({
    directory: async (address) => (address.startsWith("bob") ? "bob@contoso.example" : undefined),
  });
  const failing = await loadPeopleMap({ directory: () => Promise.reject(new Error("directory down")) });

  expect(routeMessage(message, await loadPeopleMap({}), POLICY)).not.toBeInstanceOf(Promise);
  expect(await routeMessage(message, asking, POLICY)).toEqual({
    targets: [{ mailbox: "bob@contoso.example", folder: PURGES, rule: "directory" }],
    unmapped: [eve],
  });
  await expect(routeMessage(message, failing, POLICY)).rejects.toThrowError("directory down");
});

test("thousands that share an id and differ in their addresses are told apart in no time", () => {
  const to = Array.from({ length: 40_000 }, (_value, index) => ({ id: "", address: `p${index}@contoso.example` }));
  const people = {
    find: ({ address = "" }: Participant) => ({ mailbox: address, rule: "address" }),
  } as unknown as PeopleMap;

  const startedAt = performance.now();
  expect(routeMessage({ from: to[0] ?? anna, to }, people, POLICY)).toMatchObject({ targets: { length: 40_000 } });

  expect(performance.now() - startedAt).toBeLessThan(3000);
});

test("two thousand participants are routed in milliseconds", async () => {
  const people = await loadPeopleMap({ domains: ["contoso.example"] });
  const to = Array.from({ length: 2000 }, (_value, index) => ({
    id: `U${index}`,
    address: `p${index}@contoso.example`,
  }));
  await routeMessage({ from: anna, to }, people, POLICY);

  const startedAt = performance.now();
  for (let round = 0; round < 50; round += 1) await routeMessage({ from: anna, to }, people, POLICY);

  expect((performance.now() - startedAt) / 50).toBeLessThan(50);
});
