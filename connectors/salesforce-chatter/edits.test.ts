import { afterEach, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { type SalesforceServer, startSalesforce } from "../../tooling/servers/salesforce/index.ts";
import { check } from "./src/read/check.ts";
import { addPost, addUser, editPost, quietOrganization } from "./testing/fixed.ts";
import { contextOf, readToEnd } from "./testing/harness.ts";
import { APP, jwtSettings } from "./testing/salesforce.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let server: SalesforceServer | undefined;
afterEach(async () => await server?.close());

test.each(["LastModifiedDate", "CreatedDate"] as const)(
  "edits of old posts that neither %s nor LastEditDate shows are read at the next run, which is no sweep",
  async (feedClock) => {
    const organization = quietOrganization({ feedClock, editDateFilterable: false });
    const ann = addUser(organization, "Ann");
    const at = new Date(organization.now().getTime() - 90 * DAY_MS);
    const posts = Array.from({ length: 7 }, (_, index) => addPost(organization, ann, { at, Body: `Version ${index}` }));
    server = await startSalesforce({ organization, app: APP, pageSize: () => 3 });
    const journal = new MemoryJournal();
    const settings = jwtSettings(server.url);
    await readToEnd(journal, "feed", { settings, now: organization.now });

    organization.advance(2 * HOUR_MS);
    const edits = posts.map((id) => `feed:${id} edit:${editPost(organization, id, ann, "Another")}`);
    organization.advance(HOUR_MS);
    await readToEnd(journal, "feed", { settings, now: organization.now, crash: crashingAtFirst() });

    const archived = journal.capturedEvents().filter(({ type }) => type === "Edit");
    expect(archived.map(({ key, version }) => `${key} ${version}`).sort()).toEqual(edits.sort());
  },
);

test("a history of edits that the user may not read whole stops the reading, and is read when it may", async () => {
  const organization = quietOrganization({ feedClock: "CreatedDate", editDateFilterable: false });
  const ann = addUser(organization, "Ann");
  const post = addPost(organization, ann);
  server = await startSalesforce({ organization, app: APP });
  const journal = new MemoryJournal();
  const settings = jwtSettings(server.url);
  await readToEnd(journal, "feed", { settings, now: organization.now });

  organization.advance(2 * HOUR_MS);
  editPost(organization, post, ann, "Another");
  const [allowed] = organization.all("UserPermissionAccess");
  Object.assign(allowed ?? {}, { PermissionsViewAllData: false });
  organization.advance(2 * HOUR_MS);
  await expect(readToEnd(journal, "feed", { settings, now: organization.now })).rejects.toThrow("View All Data");
  Object.assign(allowed ?? {}, { PermissionsViewAllData: true });
  organization.advance(2 * HOUR_MS);
  await readToEnd(journal, "feed", { settings, now: organization.now });

  expect(journal.capturedEvents().filter(({ type }) => type === "Edit")).toHaveLength(1);
});

test.each([true, false])("check warns where nothing tells of edits: where the history tells, %s", async (doesTell) => {
  const organization = quietOrganization({ feedClock: "CreatedDate", editDateFilterable: false });
  const created = organization.rules["FeedRevision"]?.fields.find(({ name }) => name === "CreatedDate");
  Object.assign(created ?? {}, { filterable: doesTell });
  server = await startSalesforce({ organization, app: APP });
  const findings = await check(contextOf(new MemoryJournal(), "feed", jwtSettings(server.url), organization.now()));
  const warnings = findings.filter(({ message }) => message.includes("were edited"));
  expect(warnings.map(({ level }) => level)).toEqual(doesTell ? [] : ["warning"]);
});

/** Breaks the first five runs off after their second page, which is within the history of edits. */
function crashingAtFirst(): () => "after" | undefined {
  let pages = 0;
  return () => ((pages += 1) <= 10 && pages % 2 === 0 ? "after" : undefined);
}
