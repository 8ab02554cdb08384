import { afterEach, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { type SalesforceServer, startSalesforce } from "../../tooling/servers/salesforce/index.ts";
import { addPost, addUser, quietOrganization } from "./testing/fixed.ts";
import { readToEnd } from "./testing/harness.ts";
import { APP, jwtSettings } from "./testing/salesforce.ts";
import type { Checkpoint } from "./src/schema.ts";

const HOUR_MS = 3_600_000;

let server: SalesforceServer | undefined;
afterEach(async () => await server?.close());

/** The window is read; the comparison of ids, which would mend any loss, has not begun. */
function isWalked(checkpoint: Checkpoint | undefined): boolean {
  return Object.values(checkpoint?.walks ?? {}).some(({ since }) => since !== undefined);
}

test.each(["LastModifiedDate", "CreatedDate", "SystemModstamp"] as const)(
  "a window by %s that is broken off after every page resumes between records of the same second",
  async (feedClock) => {
    const organization = quietOrganization({ feedClock });
    const ann = addUser(organization, "Ann");
    const at = new Date("2026-01-10T09:00:00Z");
    const posts = Array.from({ length: 40 }, () => addPost(organization, ann, { at }));
    server = await startSalesforce({ organization, app: APP, pageSize: () => 3 });
    const journal = new MemoryJournal();

    await readToEnd(journal, "feed", {
      settings: jwtSettings(server.url),
      now: organization.now,
      crash: () => "after",
      isEnough: isWalked,
    });

    expect([...journal.events.values()].map(({ key }) => key).sort()).toEqual(posts.map((id) => `feed:${id}`).sort());
  },
);

test("a window that was broken off is finished within its own bounds, so that what becomes visible late is in the overlap of the next", async () => {
  const organization = quietOrganization();
  const ann = addUser(organization, "Ann");
  for (let minute = 0; minute < 10; minute += 1)
    addPost(organization, ann, { at: new Date(organization.now().getTime() - minute * 60_000) });
  const late = addPost(organization, ann, {
    at: new Date(organization.now().getTime() - 9.5 * 60_000),
    visibleAfterMs: 10 * 60_000,
  });
  server = await startSalesforce({ organization, app: APP, pageSize: () => 3 });
  const journal = new MemoryJournal();
  const settings = jwtSettings(server.url);
  let pages = 0;
  await readToEnd(journal, "feed", { settings, now: organization.now, isEnough: () => (pages += 1) === 4 });
  expect([...journal.events.values()].length).toBeGreaterThan(3);

  organization.advance(5 * HOUR_MS);
  await readToEnd(journal, "feed", {
    settings,
    now: organization.now,
    isEnough: (checkpoint) => checkpoint?.deletesTo !== undefined,
  });

  expect([...journal.events.values()].map(({ key }) => key)).toContain(`feed:${late}`);
});

test("a delete older than the log is found by the comparison of ids, and what cannot be known is a gap", async () => {
  const organization = quietOrganization();
  const ann = addUser(organization, "Ann");
  const kept = addPost(organization, ann);
  const gone = addPost(organization, ann, { Body: "Shred this" });
  server = await startSalesforce({ organization, app: APP });
  const journal = new MemoryJournal();
  const settings = jwtSettings(server.url, { sweepHours: 720 });
  await readToEnd(journal, "feed", { settings, now: organization.now });

  organization.remove("FeedItem", gone);
  organization.advance(20 * 24 * HOUR_MS);
  await readToEnd(journal, "feed", { settings, now: organization.now });

  const deletes = [...journal.events.values()].filter(({ type }) => type === "Delete");
  expect(deletes.map(({ key, data }) => [key, data])).toEqual([
    [`feed:${gone}`, expect.objectContaining({ noticed: true })],
  ]);
  expect([...journal.gaps.keys()]).toEqual([expect.stringContaining("deletes:FeedItem:")]);
  expect(journal.events.has(`feed:${kept}\ndeleted`)).toBe(false);
});

test("records that a user no longer sees are not taken for deleted", async () => {
  const organization = quietOrganization();
  addPost(organization, addUser(organization, "Ann"));
  server = await startSalesforce({ organization, app: APP });
  const journal = new MemoryJournal();
  const settings = jwtSettings(server.url);
  await readToEnd(journal, "feed", { settings, now: organization.now });

  Object.assign(organization.all("UserPermissionAccess")[0] ?? {}, { PermissionsViewAllData: false });
  organization.advance(25 * HOUR_MS);

  await expect(readToEnd(journal, "feed", { settings, now: organization.now })).rejects.toThrow("View All Data");
});

test("what is read again is the same events", async () => {
  const organization = quietOrganization();
  const ann = addUser(organization, "Ann");
  addPost(organization, ann);
  server = await startSalesforce({ organization, app: APP });
  const first = new MemoryJournal();
  const second = new MemoryJournal();
  for (const journal of [first, second])
    await readToEnd(journal, "feed", { settings: jwtSettings(server.url), now: organization.now });

  expect([...second.events]).toEqual([...first.events]);
});
