import { afterEach, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { type SalesforceServer, startSalesforce } from "../../tooling/servers/salesforce/index.ts";
import { addPost, addUser, quietOrganization } from "./testing/fixed.ts";
import { readToEnd } from "./testing/harness.ts";
import { APP, jwtSettings } from "./testing/salesforce.ts";

let server: SalesforceServer | undefined;
afterEach(async () => await server?.close());

async function postWithFile(bytes: Uint8Array) {
  const organization = quietOrganization();
  const ann = addUser(organization, "Ann");
  const version = organization.addContent(bytes, "plan.pdf", ann);
  const id = addPost(organization, ann, { Type: "ContentPost", HasContent: true, RelatedRecordId: version.Id });
  organization.insert("FeedAttachment", { FeedEntityId: id, Type: "Content", RecordId: version.Id });
  server = await startSalesforce({ organization, app: APP });
  return { organization, server, id, version, journal: new MemoryJournal() };
}

test("a log-in page in place of a file is not the file: the post says so, and the file is asked for again", async () => {
  const { organization, server, id, version, journal } = await postWithFile(Buffer.from("the plan"));
  server.faults = { logInPage: 1 };
  const settings = jwtSettings(server.url);
  await readToEnd(journal, "feed", { settings, now: organization.now });
  const post = journal.events.get(`feed:${id}\n`);
  expect(post?.attachments).toEqual([
    { id: version.Id, name: "plan.pdf", unavailable: expect.stringContaining("19 bytes for a file of 8") },
  ]);
  expect([...journal.gaps.values()]).toEqual([
    expect.objectContaining({ id: `file:feed:${id}:${version.Id}`, events: 0 }),
  ]);

  server.faults = {};
  organization.advance(2 * 3_600_000);
  await readToEnd(journal, "feed", { settings, now: organization.now });
  const late = journal.events.get(`feed:${id}:file:${version.Id}\n`);
  expect(late).toMatchObject({ type: "FileVersion", attachments: [{ id: version.Id, blob: { size: 8 } }] });
  expect([journal.gaps.size, journal.followUps.get("feed")?.size]).toEqual([0, 0]);
});

test("a file with other content of the same size is refused by its checksum", async () => {
  const { organization, server, id, version, journal } = await postWithFile(Buffer.from("the plan"));
  organization.contents.set(version.Id, { bytes: Buffer.from("THE PLAN"), availableAt: 0 });
  await readToEnd(journal, "feed", { settings: jwtSettings(server.url), now: organization.now });
  expect(journal.events.get(`feed:${id}\n`)?.attachments).toEqual([
    expect.objectContaining({ unavailable: expect.stringContaining("checksum") }),
  ]);
});

test("a file larger than the settings allow is named and not fetched", async () => {
  const { organization, server, id, journal } = await postWithFile(new Uint8Array(500));
  await readToEnd(journal, "feed", { settings: jwtSettings(server.url, { maxFileBytes: 100 }), now: organization.now });
  expect(journal.events.get(`feed:${id}\n`)?.attachments).toEqual([
    expect.objectContaining({ name: "plan.pdf", unavailable: expect.stringContaining("larger than the 100 bytes") }),
  ]);
  expect(server.requests.filter((request) => request.includes("VersionData"))).toEqual([]);
});

test("a file that never comes is given up after the last attempt, and stays a gap", async () => {
  const { organization, server, journal, version } = await postWithFile(Buffer.from("x"));
  organization.contents.delete(version.Id);
  for (let day = 0; day < 12; day += 1) {
    await readToEnd(journal, "feed", { settings: jwtSettings(server.url), now: organization.now });
    organization.advance(86_400_000);
  }
  expect([journal.gaps.size, journal.followUps.get("feed")?.size]).toEqual([1, 0]);
});
