import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APPLICATION, noise } from "./delivery.test.sample.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";

// The server is as strict as the vendor: what it takes would be taken there, as far as that is known.

const BOB = "/users/bob@contoso.example";
let folder: string;
let server: IngestionServer;
let token: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graph-"));
  server = await openIngestionServer({
    folder,
    applications: [APPLICATION, { ...APPLICATION, clientId: "reader", permissions: ["Mail.Read"] }],
    mailboxes: [{ address: "bob@contoso.example" }, { address: "gone@contoso.example", hasMailbox: false }],
  });
  token = server.tokens.issue(APPLICATION, "https://graph.microsoft.com");
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("a message without 0x0E07 is a draft, dated now, whatever dates it says", async () => {
  const { status, json } = await post(`${BOB}/messages`, { subject: "s", receivedDateTime: "2020-01-01T00:00:00Z" });
  expect(status).toBe(201);
  expect(json).toMatchObject({ isDraft: true, internetMessageId: expect.stringMatching(/^<.+@contoso\.example>$/) });
  expect(Date.parse(json["receivedDateTime"] as string)).toBeGreaterThan(Date.now() - 60_000);
});

test.each([
  ["an unknown property", { colour: "red" }, "RequestBodyRead"],
  [
    "a header without x-",
    { internetMessageHeaders: [{ name: "Received", value: "x" }] },
    "InvalidInternetMessageHeader",
  ],
  [
    "six headers",
    { internetMessageHeaders: Array.from({ length: 6 }, (_, index) => ({ name: `x-${index}`, value: "v" })) },
    "InvalidInternetMessageHeaderCollection",
  ],
  [
    "a malformed property id",
    { singleValueExtendedProperties: [{ id: "Text 0x1A", value: "x" }] },
    "ErrorInvalidProperty",
  ],
  [
    "a class that ends in a dot",
    { singleValueExtendedProperties: [{ id: "String 0x001A", value: "IPM.NOTE." }] },
    "ErrorPropertyValidationFailure",
  ],
  [
    "a large attachment",
    {
      attachments: [
        {
          "@odata.type": "#microsoft.graph.fileAttachment",
          name: "a",
          contentBytes: noise(3_000_000, 1).toString("base64"),
        },
      ],
    },
    "ErrorAttachmentSizeLimitExceeded",
  ],
])("%s is refused with Microsoft's code", async (_, body, code) => {
  expect(await codeOf(post(`${BOB}/messages`, body))).toEqual([400, code]);
});

test("a request above 4 MB is refused, and so is JSON that is none", async () => {
  expect((await post(`${BOB}/messages`, { subject: "x".repeat(4_200_000) })).status).toBe(413);
  expect(
    await codeOf(call("POST", `${BOB}/messages`, { body: "{", headers: { "content-type": "application/json" } })),
  ).toEqual([400, "BadRequest"]);
});

test("no token, a forged one, no permission, no user and no mailbox are told apart", async () => {
  expect(await codeOf(call("GET", `${BOB}/messages`, { headers: { authorization: "" } }))).toEqual([
    401,
    "InvalidAuthenticationToken",
  ]);
  expect(await codeOf(call("GET", `${BOB}/messages`, { headers: { authorization: `Bearer ${token}x` } }))).toEqual([
    401,
    "InvalidAuthenticationToken",
  ]);
  const reader = server.tokens.issue({ ...APPLICATION, clientId: "reader", permissions: ["Mail.Read"] }, "x");
  expect(
    await codeOf(
      call("POST", `${BOB}/messages`, {
        headers: { authorization: `Bearer ${reader}`, "content-type": "application/json" },
        body: "{}",
      }),
    ),
  ).toEqual([403, "ErrorAccessDenied"]);
  expect(await codeOf(call("GET", "/users?$top=1", { headers: { authorization: `Bearer ${reader}` } }))).toEqual([
    403,
    "Authorization_RequestDenied",
  ]);
  expect(await codeOf(call("GET", "/users/nobody@contoso.example/messages"))).toEqual([404, "ErrorInvalidUser"]);
  expect(await codeOf(call("GET", "/users/gone@contoso.example/messages"))).toEqual([
    404,
    "MailboxNotEnabledForRESTAPI",
  ]);
  expect(await codeOf(call("GET", "/users/nobody@contoso.example"))).toEqual([404, "Request_ResourceNotFound"]);
});

test("ranges of an upload are taken in their order, without a token, below 4 MB, and only as announced", async () => {
  const { json: message } = await post(`${BOB}/messages`, { subject: "upload" });
  const path = `${BOB}/messages/${String(message["id"])}/attachments`;
  expect(
    await codeOf(
      post(`${path}/createUploadSession`, { AttachmentItem: { attachmentType: "file", name: "f", size: 2_000_000 } }),
    ),
  ).toEqual([400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"]);
  expect(
    (
      await post(`${path}/createUploadSession`, {
        AttachmentItem: { attachmentType: "file", name: "f", size: 157_286_401 },
      })
    ).status,
  ).toBe(413);
  const content = noise(5_000_000, 3);
  const { json } = await post(`${path}/createUploadSession`, {
    AttachmentItem: { attachmentType: "file", name: "f", size: content.length },
  });
  const uploadUrl = String(json["uploadUrl"]);
  const put = async (from: number, to: number, size: number, headers = {}) =>
    (
      await fetch(uploadUrl, {
        method: "PUT",
        headers: { "content-range": `bytes ${from}-${to - 1}/${size}`, ...headers },
        body: content.subarray(from, to),
      })
    ).status;
  expect(await put(0, 1000, content.length, { authorization: `Bearer ${token}` })).toBe(401);
  expect(await put(1000, 2000, content.length)).toBe(416);
  expect(await put(0, 1000, content.length + 1)).toBe(400);
  expect(await put(0, 4_300_000, content.length)).toBe(413);
  expect(await put(0, 3_000_000, content.length)).toBe(200);
  expect(await put(0, 3_000_000, content.length)).toBe(416);
  expect(await put(3_000_000, 5_000_000, content.length)).toBe(201);
  const listed = await call("GET", `${path}?$select=name,size`);
  expect(listed.json["value"]).toMatchObject([{ name: "f", size: 5_000_000 }]);
});

test("a fifth request at once and what goes beyond the window is throttled with Retry-After", async () => {
  server.faults.set("timeout-after-commit", { rate: 1, ms: 400 });
  const statuses = await Promise.all(
    Array.from({ length: 6 }, () =>
      call("GET", `${BOB}/messages?$top=1`).then(
        ({ status, headers }) => [status, headers.get("retry-after")],
        () => ["torn", null],
      ),
    ),
  );
  server.faults.clear();
  expect(statuses.filter(([status]) => status === 429)).toEqual([
    [429, "1"],
    [429, "1"],
  ]);
});

test("an ordinary id ends with a move, an immutable one stays", async () => {
  const { json } = await post(`${BOB}/mailFolders/inbox/messages`, { subject: "moving" });
  const immutable = await call("GET", `${BOB}/messages/${String(json["id"])}`, {
    headers: { prefer: 'IdType="ImmutableId"' },
  });
  await post(`${BOB}/messages/${String(json["id"])}/move`, { destinationId: "archive" });
  expect(await codeOf(call("GET", `${BOB}/messages/${String(json["id"])}`))).toEqual([404, "ErrorItemNotFound"]);
  expect((await call("GET", `${BOB}/messages/${String(immutable.json["id"])}`)).status).toBe(200);
  expect(await codeOf(call("GET", `${BOB}/messages/AAMkrubbish`))).toEqual([400, "ErrorInvalidIdMalformed"]);
});

test("a batch is judged request by request, in 20 at most, and what depends on a failure is not done", async () => {
  const { json } = await post("/$batch", {
    requests: [
      { id: "1", method: "GET", url: `${BOB}/mailFolders/inbox` },
      { id: "2", method: "GET", url: "/users/nobody@contoso.example/messages" },
      {
        id: "3",
        method: "POST",
        url: `${BOB}/messages`,
        headers: { "Content-Type": "application/json" },
        body: { subject: "never" },
        dependsOn: ["2"],
      },
    ],
  });
  expect((json["responses"] as { status: number }[]).map(({ status }) => status)).toEqual([200, 404, 424]);
  expect(
    await codeOf(
      post("/$batch", {
        requests: Array.from({ length: 21 }, (_, id) => ({ id: String(id), method: "GET", url: "/users" })),
      }),
    ),
  ).toEqual([400, "MaximumValueExceeded"]);
});

test("filters, order, pages and counts are those of OData", async () => {
  const { json: made } = await post(`${BOB}/mailFolders`, { displayName: "Filtered" });
  const path = `${BOB}/mailFolders/${String(made["id"])}/messages`;
  for (const subject of ["O'Brien one", "two", "three"])
    await post(path, { subject, singleValueExtendedProperties: [{ id: "Integer 0x0E07", value: "4" }] });
  const named = await call(
    "GET",
    `${path}?$filter=${encodeURIComponent("subject eq 'O''Brien one' or (contains(subject,'THREE') and isDraft eq false)")}&$orderby=subject&$select=subject&$count=true&$top=1`,
  );
  expect(named.json).toMatchObject({ "@odata.count": 2, value: [{ subject: "O'Brien one" }] });
  const next = new URL(String(named.json["@odata.nextLink"]));
  const second = await call("GET", `${next.pathname.slice("/v1.0".length)}${next.search}`);
  expect(second.json["value"]).toMatchObject([{ subject: "three" }]);
  expect(second.json["@odata.nextLink"]).toBeUndefined();
  for (const filter of ["subject eq", "colour eq 'red'", "subject like 'x'", "(((subject eq 'x'"])
    expect((await call("GET", `${path}?$filter=${encodeURIComponent(filter)}`)).status).toBe(400);
});

test("what was said is not changed afterwards, and what lies in Recoverable Items is not deleted", async () => {
  const { json } = await post(`${BOB}/mailFolders/inbox/messages`, {
    subject: "said",
    singleValueExtendedProperties: [{ id: "Integer 0x0E07", value: "4" }],
  });
  const path = `${BOB}/messages/${String(json["id"])}`;
  const patch = (body: object) =>
    call("PATCH", path, {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", prefer: 'IdType="ImmutableId"' },
    });
  expect((await patch({ isRead: true })).status).toBe(200);
  expect(await codeOf(patch({ subject: "never said" }))).toEqual([403, "ErrorAccessDenied"]);
  const { json: shown } = await patch({ isRead: false });
  await post(`${path}/permanentDelete`, undefined);
  expect(await codeOf(call("DELETE", `${BOB}/messages/${String(shown["id"])}`))).toEqual([
    403,
    "ErrorCannotDeleteObject",
  ]);
});

interface Reply {
  status: number;
  headers: Headers;
  json: Record<string, unknown>;
}

async function call(
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { authorization = `Bearer ${token}`, ...headers } = options.headers ?? {};
  const answer = await fetch(`${server.url}/v1.0${path}`, {
    method,
    headers: { ...headers, ...(authorization !== "" && { authorization }) },
    ...(options.body !== undefined && { body: options.body }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    json: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

function post(path: string, body: unknown): Promise<Reply> {
  return call("POST", path, {
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function codeOf(reply: Promise<Reply>): Promise<[number, string]> {
  const { status, json } = await reply;
  return [status, String((json["error"] as { code?: string } | undefined)?.code)];
}
