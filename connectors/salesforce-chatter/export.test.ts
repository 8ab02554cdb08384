import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import {
  createActivity,
  createOrganization,
  createRandom,
  type Organization,
  startSalesforce,
} from "../../tooling/servers/salesforce/index.ts";
import { toLongId } from "./src/read/export/table.ts";
import { events } from "./src/map.ts";
import { Settings } from "./src/schema.ts";
import { toCsv, writeExport } from "./testing/export.ts";
import { addPost, addUser, quietOrganization } from "./testing/fixed.ts";
import { readToEnd } from "./testing/harness.ts";
import { APP, jwtSettings } from "./testing/salesforce.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chatter-export-"));
});
afterEach(async () => await rm(folder, { recursive: true }));

const exportSettings = () => Settings.parse({ exportFolder: folder });

test.each([1, 2, 3, 4, 5, 6])(
  "a data export makes the same messages under the same keys as a live read (seed %i)",
  async (seed) => {
    const organization = createOrganization(
      createRandom(seed),
      {
        feedClock: "LastModifiedDate",
        commentModstampSortable: false,
        editDateFilterable: true,
        softDeletes: false,
        cascadeLogged: true,
      },
      new Date("2026-03-02T08:00:00Z"),
    );
    const activity = createActivity(organization);
    for (let count = 0; count < 120; count += 1) {
      organization.advance(1000 * (count % 3));
      activity.happen();
    }
    organization.advance(3_600_000);
    const live = await readLive(organization);
    await writeExport(organization, folder);
    const imported = new MemoryJournal();
    const random = createRandom(seed);
    const crash = () => (random.chance(0.5) ? random.pick(["before", "after"] as const) : undefined);
    await readToEnd(imported, "export", { settings: exportSettings(), now: organization.now, crash });

    const acme = organization.all("Account").map(({ Id }) => Id)[0] ?? "";
    const named = messages(live).map(([id, message]) => [
      id,
      JSON.parse(JSON.stringify(message).replaceAll('"Acme"', `"${acme}"`)),
    ]);
    expect(messages(imported)).toEqual(named);
    expect(imported.events.size).toBeGreaterThan(60);
    expect([...imported.gaps]).toEqual([]);
  },
);

async function readLive(organization: Organization): Promise<MemoryJournal> {
  const journal = new MemoryJournal();
  const server = await startSalesforce({ organization, app: APP });
  for (const partition of ["feed", "comments", "messages", "groups"])
    await readToEnd(journal, partition, { settings: jwtSettings(server.url), now: organization.now });
  await server.close();
  return journal;
}

function messages(journal: MemoryJournal): [string, MessageDraft | undefined][] {
  const maps: Record<string, (event: CapturedEvent) => MessageDraft> = events;
  return journal
    .capturedEvents()
    .map((event): [string, MessageDraft | undefined] => {
      const message = maps[event.type]?.(event);
      // The raw record differs: an export does not name the record that a feed belongs to.
      for (const attachment of message?.attachments ?? [])
        if (attachment.id === "event") attachment.content = { text: "" };
      return [`${event.type} ${event.key} ${event.version}`, message];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

test("an export is read once, and anew when a file is added", async () => {
  const organization = quietOrganization();
  const ann = addUser(organization, "Ann");
  addPost(organization, ann);
  await writeFile(join(folder, "FeedItem.csv"), toCsv(organization, "FeedItem"));
  const journal = new MemoryJournal();
  await readToEnd(journal, "export", { settings: exportSettings(), now: organization.now });
  expect(journal.events.size).toBe(1);
  const done = JSON.stringify(journal.checkpoints.get("export"));
  await readToEnd(journal, "export", { settings: exportSettings(), now: organization.now });
  expect(JSON.stringify(journal.checkpoints.get("export"))).toBe(done);

  organization.insert("FeedComment", {
    FeedItemId: organization.all("FeedItem")[0]?.Id ?? "",
    CommentBody: "Later",
    CreatedById: ann,
    CreatedDate: organization.time(),
  });
  await writeFile(join(folder, "FeedComment.csv"), toCsv(organization, "FeedComment"));
  await readToEnd(journal, "export", { settings: exportSettings(), now: organization.now });
  expect([...journal.events.values()].map(({ type }) => type)).toEqual(["Post", "Comment"]);
});

test("a table that ends in the middle of a record is refused with the place", async () => {
  const organization = quietOrganization();
  const ann = addUser(organization, "Ann");
  for (let count = 0; count < 5; count += 1) addPost(organization, ann);
  await writeFile(join(folder, "FeedItem.csv"), toCsv(organization, "FeedItem").slice(0, -20));
  await expect(
    readToEnd(new MemoryJournal(), "export", { settings: exportSettings(), now: organization.now }),
  ).rejects.toThrow(/FeedItem.csv is damaged after the record 0D5/);
});

test("a zip file that is cut off is refused", async () => {
  const organization = quietOrganization();
  addPost(organization, addUser(organization, "Ann"));
  await writeExport(organization, folder);
  const path = join(folder, "WE_00D_1.ZIP");
  await writeFile(path, (await readFile(path)).subarray(0, -30));
  await expect(
    readToEnd(new MemoryJournal(), "export", { settings: exportSettings(), now: organization.now }),
  ).rejects.toThrow("WE_00D_1.ZIP is not a whole zip file");
});

test("a short id becomes the long one that the API gives", () => {
  expect(toLongId("0D5D0000000IPZu")).toBe("0D5D0000000IPZuKAO");
  expect(toLongId("005D0000001LL8O")).toBe("005D0000001LL8OIAW");
});
