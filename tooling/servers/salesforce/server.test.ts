import { afterAll, beforeAll, expect, test } from "vitest";
import { createActivity, createOrganization, createRandom, type SalesforceServer, startSalesforce } from "./index.ts";

const APP = {
  clientId: "app",
  username: "archiver@example.com",
  audience: "https://login.salesforce.com",
  refreshToken: "first",
  rotates: true,
};

let server: SalesforceServer;
let token: string;

beforeAll(async () => {
  const organization = createOrganization(
    createRandom(7),
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
  for (let count = 0; count < 160; count += 1) activity.happen();
  organization.advance(3_600_000);
  server = await startSalesforce({ organization, app: { ...APP }, pageSize: () => 3 });
  token = String(
    (await signIn({ grant_type: "refresh_token", client_id: "app", refresh_token: "first" })).body["access_token"],
  );
});

afterAll(async () => await server.close());

test.each([
  ["a field that the object lacks", "SELECT Nope FROM FeedItem", "INVALID_FIELD"],
  ["an object that there is not", "SELECT Id FROM FeedThing", "INVALID_TYPE"],
  [
    "a filter on SystemModstamp of FeedItem",
    "SELECT Id FROM FeedItem WHERE SystemModstamp > 2026-01-01T00:00:00Z",
    "INVALID_FIELD",
  ],
  ["an order by SystemModstamp of FeedComment", "SELECT Id FROM FeedComment ORDER BY SystemModstamp", "INVALID_FIELD"],
  ["a filter on the text of a post", "SELECT Id FROM FeedItem WHERE Body = 'x'", "INVALID_FIELD"],
  ["FeedLike by itself", "SELECT Id FROM FeedLike", "INVALID_TYPE_FOR_OPERATION"],
  ["FeedSignal by itself", "SELECT Id FROM FeedSignal", "INVALID_TYPE_FOR_OPERATION"],
  ["FeedTrackedChange by itself", "SELECT Id FROM FeedTrackedChange", "INVALID_TYPE_FOR_OPERATION"],
  ["a sub-select that is no relationship", "SELECT Id, (SELECT Id FROM Likes) FROM FeedItem", "INVALID_TYPE"],
  ["a time in quotes", "SELECT Id FROM FeedItem WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"],
  ["an id without quotes", "SELECT Id FROM FeedItem WHERE Id > 5", "INVALID_FIELD"],
  ["AND beside OR", "SELECT Id FROM FeedItem WHERE Type = 'a' AND Type = 'b' OR Type = 'c'", "MALFORMED_QUERY"],
  ["what is no query", "SELECT FROM", "MALFORMED_QUERY"],
])("%s is refused", async (_, soql, code) => {
  const { status, body } = await query(soql);
  expect([status, body]).toEqual([400, [{ message: expect.any(String), errorCode: code }]]);
});

test("a query runs as it is written, in pages, with the sub-selects in pages of their own", async () => {
  const first = await query(
    "SELECT Id, CreatedDate, (SELECT Id FROM FeedLikes) FROM FeedItem WHERE (Type = 'TextPost' OR Type = 'PollPost') AND CreatedDate <= 2026-03-03T00:00:00Z ORDER BY CreatedDate ASC, Id ASC",
  );
  const records = [...first.body["records"]];
  let { nextRecordsUrl: next } = first.body;
  while (next) {
    const { body } = await get(next);
    records.push(...body["records"]);
    next = body["nextRecordsUrl"];
  }
  const expected = server.options.organization
    .records("FeedItem", true)
    .filter(({ Type }) => Type === "TextPost" || Type === "PollPost")
    .sort((a, b) => (`${a["CreatedDate"]}${a.Id}` < `${b["CreatedDate"]}${b.Id}` ? -1 : 1));
  expect(records.map(({ Id }) => Id)).toEqual(expected.map(({ Id }) => Id));
  expect(records.length).toBeGreaterThan(6);
});

test("the log of deletes refuses a minute and what is older than 15 days", async () => {
  const ask = (start: string, end: string) =>
    get(`/services/data/v62.0/sobjects/FeedItem/deleted/?start=${start}&end=${end}`);
  expect((await ask("2026-03-02T08:00:00Z", "2026-03-02T08:01:00Z")).body[0].errorCode).toBe(
    "INVALID_REPLICATION_DATE",
  );
  expect((await ask("2026-01-02T08:00:00Z", "2026-03-02T08:01:00Z")).body[0].errorCode).toBe(
    "INVALID_REPLICATION_DATE",
  );
  expect((await ask("2026-03-02T08:00:00Z", "2026-03-02T08:09:30Z")).body.latestDateCovered).toBe(
    "2026-03-02T08:09:00.000+0000",
  );
});

test("a refresh token that rotates is good for one use", async () => {
  expect((await signIn({ grant_type: "refresh_token", client_id: "app", refresh_token: "first" })).body["error"]).toBe(
    "invalid_grant",
  );
});

test("a request without a valid token is refused", async () => {
  const response = await fetch(`${server.url}/services/data/v62.0/sobjects/User/describe`, {
    headers: { Authorization: "Bearer nonsense" },
  });
  expect([response.status, await response.json()]).toEqual([
    401,
    [{ message: "Session expired or invalid", errorCode: "INVALID_SESSION_ID" }],
  ]);
});

async function query(soql: string) {
  return await get(`/services/data/v62.0/queryAll?q=${encodeURIComponent(soql)}`);
}

async function get(path: string) {
  const response = await fetch(server.url + path, { headers: { Authorization: `Bearer ${token}` } });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

async function signIn(form: { [name: string]: string }): Promise<{ body: { [name: string]: string } }> {
  const response = await fetch(`${server.url}/services/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams(form),
  });
  return { body: JSON.parse(await response.text()) };
}
