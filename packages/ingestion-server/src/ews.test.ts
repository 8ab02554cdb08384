import { type Destination, type Outcome, readMail } from "@hansard/core/ingestion";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import { afterEach, beforeEach, expect, test } from "vitest";
import { validateHeader } from "./ews/schema.ts";
import { type Node, readTree } from "./ews/xml-tree.ts";
import { ACCOUNT, openTestEws, recordingLog, settingsFor, type TestEws, THIRD_PARTY } from "./ews.test.support.ts";
import { ALICE, blobs, BOB, bytesOf, sample } from "./ews-sample.test.support.ts";

const signal = new AbortController().signal;
const TYPES = "http://schemas.microsoft.com/exchange/services/2006/types";

let ews: TestEws;

beforeEach(async () => {
  ews = await openTestEws({
    mailboxes: [BOB, ALICE, THIRD_PARTY, ACCOUNT.mailbox].map((address) => ({ address })),
    ews: {
      accounts: [ACCOUNT, { user: "carol@contoso.example", password: "c", mailbox: ALICE, fullAccess: [THIRD_PARTY] }],
      messageBytes: 1_000_000,
    },
  });
});

afterEach(() => ews.close());

async function open(settings: object = {}): Promise<Destination> {
  return openExchangeDestination({
    id: "exchange",
    settings: Settings.parse(settingsFor(ews, settings)),
    blobs,
    folder: ews.folder,
    log: recordingLog(),
  });
}

/** Posts what stands in a SOAP body, as Bob, and gives status and answer. */
async function post(
  body: string,
  options: { as?: string | null; user?: string; password?: string } = {},
): Promise<{ status: number; text: string }> {
  const { as = BOB, user = ACCOUNT.user, password = ACCOUNT.password } = options;
  const acting =
    as === null
      ? ""
      : `<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>${as}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`;
  const envelope = `<?xml version="1.0"?>\n<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="${TYPES}" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>${acting}</soap:Header>\n<soap:Body>${body}</soap:Body></soap:Envelope>`;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const answer = await fetch(`${ews.url}/EWS/Exchange.asmx`, {
    method: "POST",
    headers: { "content-type": "text/xml; charset=utf-8", authorization },
    body: envelope,
  });
  return { status: answer.status, text: await answer.text() };
}

function codeOf(text: string): string | undefined {
  return /ResponseCode[^>]*>([^<]+)</.exec(text)?.[1];
}

function create(items: string, folder = "inbox"): string {
  return `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="${folder}"/></m:SavedItemFolderId><m:Items>${items}</m:Items></m:CreateItem>`;
}

const MIME = Buffer.from(
  "From: a@contoso.example\r\nTo: b@contoso.example\r\nSubject: s\r\nMessage-ID: <x@y>\r\n\r\nbody\r\n",
).toString("base64");
const FLAGS = `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>`;

test("stores what the client sends with its class, dates, flags, properties and bytes, and finds it again", async () => {
  const destination = await open();
  const deliveries = [
    await sample(0),
    await sample(1, { folder: { kind: "inbox" } }),
    await sample(2, { folder: { kind: "visible", path: ["Slack", "general & co"] } }),
  ];
  const outcomes = await destination.submit(deliveries, { signal });
  const found = await destination.find(deliveries, { signal });
  for (const [index, outcome] of outcomes.entries()) {
    const receipt = receiptOf(outcome);
    expect(found[index]?.itemId).toBe(receipt.itemId);
    expect(await bytesOf(destination.read!(BOB, receipt))).toEqual(
      await bytesOf(readMail(deliveries[index]!.mail, blobs)),
    );
  }
  const bob = ews.store.mailbox(BOB)!;
  const [item] = ews.store.findItems({
    mailbox: bob.id,
    folder: ews.store.wellKnownFolder(bob.id, "recoverableitemspurges").id,
  }).items;
  const at = new Date("2021-03-04T05:06:00Z");
  expect(item).toMatchObject({ itemClass: "IPM.NOTE.Slack.Message", isDraft: false, receivedAt: at, sentAt: at });
  expect(ews.store.properties(item!.id)).toMatchObject({
    "string {00020386-0000-0000-c000-000000000046} name x-hansard-event": "C1:0",
    "string {00020386-0000-0000-c000-000000000046} name x-hansard-id": "m0@hansard.invalid",
  });
  await destination.close();
});

function receiptOf(outcome: Outcome): { itemId: string; correlationId: string } {
  if (outcome.status !== "accepted") throw new Error(JSON.stringify(outcome));
  return outcome.receipt;
}

test("refuses an element out of the schema's order, and says where and what was expected", async () => {
  const { status, text } = await post(create(`<t:Message>${FLAGS}<t:ItemClass>IPM.Note</t:ItemClass></t:Message>`));
  expect(status).toBe(500);
  expect(codeOf(text)).toBe("ErrorSchemaValidation");
  expect(text).toContain(
    `The element 'Message' in namespace '${TYPES}' has invalid child element 'ItemClass' in namespace '${TYPES}'. List of possible elements expected: 'ExtendedProperty, Culture`,
  );
  expect(text).toMatch(/Name="LineNumber">3</);
  expect(text).toMatch(/Name="LinePosition">\d+</);
});

test.each([
  ["an unknown element", "<t:Message><t:Colour>red</t:Colour></t:Message>", "invalid child element 'Colour'"],
  [
    "a property without its value",
    '<t:Message><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/></t:ExtendedProperty></t:Message>',
    "incomplete content",
  ],
  [
    "a property type that is none",
    '<t:Message><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Number"/><t:Value>1</t:Value></t:ExtendedProperty></t:Message>',
    "'PropertyType' attribute is invalid",
  ],
  ["an attribute that is not declared", '<t:Message Colour="red"/>', "The 'Colour' attribute is not declared."],
  [
    "an attribute on an element that holds text",
    '<t:Message><t:Subject a="b">s</t:Subject></t:Message>',
    "The 'a' attribute",
  ],
  [
    "an attribute of another namespace",
    '<t:Message><t:ItemId xmlns:o="urn:o" o:Id="x"/></t:Message>',
    "The 'o:Id' attribute is not declared.",
  ],
  ["text where nothing may be", '<t:Message><t:ItemId Id="x">text</t:ItemId></t:Message>', "cannot contain text"],
  [
    "a time that is none",
    "<t:Message><t:DateTimeSent>2021-03-04Tea</t:DateTimeSent></t:Message>",
    "'2021-03-04Tea' is invalid",
  ],
  ["a number that is none", "<t:Message><t:Size>many</t:Size></t:Message>", "'many' is invalid"],
  ["a truth that is none", "<t:Message><t:IsRead>yes</t:IsRead></t:Message>", "'yes' is invalid"],
  [
    "an element twice",
    "<t:Message><t:Subject>a</t:Subject><t:Subject>b</t:Subject></t:Message>",
    "invalid child element 'Subject'",
  ],
  [
    "an element of another namespace",
    '<t:Message><o:Subject xmlns:o="urn:o">a</o:Subject></t:Message>',
    "invalid child element 'Subject' in namespace 'urn:o'",
  ],
  ["no items", "", "incomplete content"],
])("refuses %s by the schema", async (_, items, words) => {
  const { text } = await post(create(items));
  expect(codeOf(text)).toBe("ErrorSchemaValidation");
  expect(text).toContain(words);
});

test("refuses a field that there is not, and a header that says of nobody whom the request acts as", async () => {
  const shape =
    '<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Colour"/></t:AdditionalProperties>';
  const { text } = await post(
    `<m:GetItem><m:ItemShape>${shape}</m:ItemShape><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:GetItem>`,
  );
  expect(codeOf(text)).toBe("ErrorSchemaValidation");
  expect(() => validateHeader(headerWith("<t:RequestServerVersion/>"))).toThrow("required attribute 'Version'");
  expect(() => validateHeader(headerWith("<t:ExchangeImpersonation/>"))).toThrow("incomplete content");
  const two = "<t:SmtpAddress>a@b.example</t:SmtpAddress><t:SID>S-1</t:SID>";
  expect(() =>
    validateHeader(
      headerWith(`<t:ExchangeImpersonation><t:ConnectingSID>${two}</t:ConnectingSID></t:ExchangeImpersonation>`),
    ),
  ).toThrow("invalid child element 'SID'");
});

function headerWith(content: string): Node {
  return readTree(`<s:Header xmlns:s="s" xmlns:t="${TYPES}">${content}</s:Header>`);
}

test.each([
  [
    'PropertyTag="0x0E07" PropertySetId="00020386-0000-0000-c000-000000000046" PropertyType="Integer"',
    "<t:Value>1</t:Value>",
  ],
  ['PropertyTag="0x0E07" PropertyType="IntegerArray"', "<t:Value>1</t:Value>"],
  ['PropertyTag="0x0E07" PropertyType="Integer"', "<t:Values><t:Value>1</t:Value></t:Values>"],
])("refuses the property %s with %s", async (uri, value) => {
  const property = `<t:ExtendedProperty><t:ExtendedFieldURI ${uri}/>${value}</t:ExtendedProperty>`;
  const { text } = await post(create(`<t:Message>${property}</t:Message>`));
  expect(codeOf(text)).toMatch(/^ErrorInvalidExtendedProperty/);
});

test("refuses a document type and XML that is not well formed", async () => {
  expect((await post("<m:GetItem>")).status).toBe(500);
  expect((await post("<m:GetItem>")).text).toContain("not well-formed");
  const answer = await fetch(`${ews.url}/EWS/Exchange.asmx`, {
    method: "POST",
    headers: { "content-type": "text/xml", authorization: `Basic ${btoa(`${ACCOUNT.user}:${ACCOUNT.password}`)}` },
    body: '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
  });
  expect(await answer.text()).toContain("document type");
});

test("answers each item of a batch by itself", async () => {
  const good = `<t:Message><t:MimeContent>${MIME}</t:MimeContent><t:ItemClass>IPM.Note.A.B</t:ItemClass>${FLAGS}</t:Message>`;
  const { status, text } = await post(
    create(
      `${good}<t:Message><t:MimeContent>%%%</t:MimeContent></t:Message><t:Message><t:MimeContent>${btoa("no header")}</t:MimeContent></t:Message>` +
        `<t:Message><t:MimeContent>${MIME}</t:MimeContent><t:ItemClass>ends.with.</t:ItemClass></t:Message>${good}`,
    ),
  );
  expect(status).toBe(200);
  expect([...text.matchAll(/<m:ResponseCode>(\w+)/g)].map(([, code]) => code)).toEqual([
    "NoError",
    "ErrorMimeContentInvalidBase64String",
    "ErrorMimeContentInvalid",
    "ErrorItemSavePropertyError",
    "NoError",
  ]);
});

test("keeps as a draft what does not say at its creation that it is none, and wants a disposition", async () => {
  await post(create(`<t:Message><t:MimeContent>${MIME}</t:MimeContent></t:Message>`));
  const bob = ews.store.mailbox(BOB)!;
  expect(ews.store.findItems({ mailbox: bob.id }).items[0]).toMatchObject({
    isDraft: true,
    internetMessageId: "<x@y>",
  });
  const { text } = await post(
    `<m:CreateItem><m:Items><t:Message><t:Subject>s</t:Subject></t:Message></m:Items></m:CreateItem>`,
  );
  expect(codeOf(text)).toBe("ErrorMessageDispositionRequired");
});

test("lets nobody in without credentials, beyond permissions, or into a mailbox that is not there", async () => {
  const inbox = `<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>`;
  expect((await post(inbox, { password: "wrong" })).status).toBe(401);
  const nobody = await post(inbox, { as: "nobody@contoso.example" });
  expect([nobody.status, codeOf(nobody.text)]).toEqual([500, "ErrorNonExistentMailbox"]);
  const carol = { user: "carol@contoso.example", password: "c" };
  expect(codeOf((await post(inbox, { ...carol, as: BOB })).text)).toBe("ErrorImpersonateUserDenied");
  expect(codeOf((await post(inbox, { ...carol, as: null })).text)).toBe("NoError");
  const of = (address: string) =>
    inbox.replace(
      'Id="inbox"/>',
      `Id="inbox"><t:Mailbox><t:EmailAddress>${address}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`,
    );
  expect(codeOf((await post(of(THIRD_PARTY), { ...carol, as: null })).text)).toBe("NoError");
  expect(codeOf((await post(of(BOB), { ...carol, as: null })).text)).toBe("ErrorFolderNotFound");
  expect(codeOf((await post(inbox.replace("inbox", "archiveinbox"))).text)).toBe("ErrorArchiveMailboxNotEnabled");
});

test("pages through a folder in the order asked for, and says when the last page is reached", async () => {
  const destination = await open();
  const deliveries = await Promise.all(
    Array.from({ length: 7 }, (_, index) => sample(index, { folder: { kind: "inbox" } })),
  );
  await destination.submit(deliveries, { signal });
  const subjects: string[] = [];
  for (let offset = 0, isLast = false; !isLast; offset += 3) {
    const { text } = await post(
      `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/></t:AdditionalProperties></m:ItemShape>` +
        `<m:IndexedPageItemView MaxEntriesReturned="3" Offset="${offset}" BasePoint="Beginning"/><m:Restriction><t:And><t:IsGreaterThan><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURIOrConstant><t:Constant Value="2021-03-04T05:06:01Z"/></t:FieldURIOrConstant></t:IsGreaterThan>` +
        `<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:Subject"/><t:Constant Value="number"/></t:Contains></t:And></m:Restriction>` +
        `<m:SortOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>`,
    );
    expect(text).toContain('TotalItemsInView="5"');
    subjects.push(...[...text.matchAll(/<t:Subject>Number (\d)/g)].map(([, number]) => number ?? ""));
    isLast = text.includes('IncludesLastItemInRange="true"');
  }
  expect(subjects).toEqual(["6", "5", "4", "3", "2"]);
  await destination.close();
});

test("hard deletion puts an item into Purges, where the hold keeps it", async () => {
  const destination = await open();
  const delivery = await sample(1, { folder: { kind: "inbox" } });
  const [outcome] = await destination.submit([delivery], { signal });
  await destination.withdraw!([{ mailbox: BOB, receipt: receiptOf(outcome!) }], { signal });
  expect(await destination.find([delivery], { signal })).toEqual([undefined]);
  const [purged] = await destination.find([{ ...delivery, folder: { kind: "purges" } }], { signal });
  expect(purged).toBeDefined();
  await post(
    `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="${purged!.itemId}"/></m:ItemIds></m:DeleteItem>`,
  );
  expect(await destination.find([{ ...delivery, folder: { kind: "purges" } }], { signal })).toMatchObject([
    { itemId: purged!.itemId },
  ]);
  // What is withdrawn already is as it should be.
  await destination.withdraw!([{ mailbox: BOB, receipt: receiptOf(outcome!) }], { signal });
  await destination.close();
});

test("a moved item has a new id, and keeps an attachment that was added", async () => {
  const made = await post(create(`<t:Message><t:MimeContent>${MIME}</t:MimeContent>${FLAGS}</t:Message>`));
  const id = /ItemId Id="([^"]+)"/.exec(made.text)![1]!;
  const added = await post(
    `<m:CreateAttachment><m:ParentItemId Id="${id}"/><m:Attachments><t:FileAttachment><t:Name>a.txt</t:Name><t:Content>aGVsbG8=</t:Content></t:FileAttachment></m:Attachments></m:CreateAttachment>`,
  );
  const attachment = /AttachmentId Id="([^"]+)"/.exec(added.text)![1]!;
  const moved = await post(
    `<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId><m:ItemIds><t:ItemId Id="${id}"/></m:ItemIds></m:MoveItem>`,
  );
  const newId = /ItemId Id="([^"]+)"/.exec(moved.text)![1]!;
  expect(newId).not.toBe(id);
  const get = (itemId: string) =>
    post(
      `<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="${itemId}"/></m:ItemIds></m:GetItem>`,
    );
  expect(codeOf((await get(id)).text)).toBe("ErrorItemNotFound");
  expect((await get(newId)).text).toContain("<t:Name>a.txt</t:Name>");
  const content = await post(
    `<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="${attachment}"/></m:AttachmentIds></m:GetAttachment>`,
  );
  expect(content.text).toContain("<t:Content>aGVsbG8=</t:Content>");
  expect(
    codeOf(
      (
        await post(
          `<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="${attachment}"/></m:AttachmentIds></m:GetAttachment>`,
          { as: ALICE },
        )
      ).text,
    ),
  ).toBe("ErrorInvalidAttachmentId");
});

test("resolves the one mailbox that has an address, by its primary address", async () => {
  ews.store.setMailbox({ address: "dora@contoso.example", proxyAddresses: ["smtp:d@contoso.example"] });
  const destination = await open({ probeMailbox: BOB });
  expect(await destination.resolve!("D@contoso.example")).toBe("dora@contoso.example");
  expect(await destination.resolve!("nobody@contoso.example")).toBeUndefined();
  await destination.close();
});

test("limits are kept: a message that is too large, a full mailbox, a full folder, a request that is too large", async () => {
  const destination = await open();
  const large = await sample(1, {
    draft: { attachments: [{ id: "F", name: "f", content: { text: "x".repeat(1_200_000) } }] },
  });
  expect(await destination.submit([large], { signal })).toMatchObject([
    { status: "refused", reason: expect.stringContaining("ErrorMessageSizeExceeded") },
  ]);
  ews.store.setMailbox({ address: ALICE, quotaBytes: 10 });
  ews.store.setMailbox({ address: BOB, folderItems: 1 });
  const [full, first, second] = await destination.submit(
    [await sample(2, { mailbox: ALICE }), await sample(3), await sample(4)],
    { signal },
  );
  expect(full).toMatchObject({
    status: "retry",
    reason: expect.stringContaining("ErrorQuotaExceeded"),
    retryAt: expect.any(Date),
  });
  expect([first?.status, second?.status].sort()).toEqual(["accepted", "retry"]);
  await destination.close();
  await ews.close();
  ews = await openTestEws({ mailboxes: [{ address: BOB }], ews: { accounts: [ACCOUNT], requestBytes: 400_000 } });
  const narrow = await open();
  const many = await Promise.all(Array.from({ length: 10 }, (_, index) => sample(index)));
  const outcomes = await narrow.submit(many, { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(many.map(() => "accepted"));
  await narrow.close();
});
