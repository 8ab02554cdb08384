import { composeMail, type Message } from "@hansard/core/ingestion";
import type { FileAttachment, Message as GraphMessage } from "@microsoft/microsoft-graph-types";
import { expect, test } from "vitest";
import { attachmentPayload, payloadOf } from "./payload.ts";
import { planAttachments } from "./plan.ts";
import { Settings } from "./settings.ts";

const settings = Settings.parse({
  tenantId: "t",
  clientId: "c",
  signIn: { method: "client-secret", clientSecret: "s" },
});
const message: Message = {
  id: "<abc@hansard.invalid>",
  messageClass: "IPM.NOTE.Slack.Message",
  date: "2026-01-02T03:04:05.678Z",
  from: { id: "U1", address: "bob@contoso.example" },
  to: [{ id: "U2", name: "Alice", address: "alice@contoso.example" }],
  subject: "s".repeat(300),
  text: "text",
  html: "<p>html</p>",
  attachments: [],
  references: ["<one@hansard.invalid>", "<two@hansard.invalid>"],
  headers: Array.from({ length: 8 }, (_, index) => [`X-Hansard-${index}`, String(index)]),
};

test("the payload is what Microsoft's published types call a message", () => {
  const payload: GraphMessage = payloadOf({ message, mail: composeMail(message) }, settings);
  const attachment: FileAttachment = attachmentPayload(
    { id: "a", name: "", content: { text: "x" }, inline: true },
    Buffer.from("x"),
  );
  expect(payload.internetMessageHeaders?.length).toBe(5);
  expect(payload.subject?.length).toBe(255);
  expect(payload.body).toEqual({ contentType: "html", content: "<p>html</p>" });
  expect(attachment).toMatchObject({ name: "attachment", isInline: true, contentId: "a", contentBytes: "eA==" });
});

test("MAPI properties make it back-dated, no draft, of its class and known by its id", () => {
  const payload = payloadOf({ message, mail: composeMail(message) }, settings);
  const properties = Object.fromEntries(payload.singleValueExtendedProperties.map(({ id, value }) => [id, value]));
  expect(properties).toMatchObject({
    "Integer 0x0E07": "4",
    "SystemTime 0x0E06": message.date,
    "SystemTime 0x0039": message.date,
    "String 0x001A": "IPM.NOTE.Slack.Message",
    "String {00020386-0000-0000-C000-000000000046} Name x-hansard-id": "abc@hansard.invalid",
    "String 0x1042": "<two@hansard.invalid>",
    "String 0x1039": "<one@hansard.invalid> <two@hansard.invalid>",
  });
  expect(properties["String 0x007D"]).toMatch(/^From: [^]*X-Hansard-7: 7\r\n[^]*\r\n$/);
  expect(properties["String 0x007D"]).not.toContain("\r\n\r\n");
});

test("attachments go along while there is room, singly below 3 MB, and by ranges from there on", () => {
  const attachments = [2_000_000, 1_000_000, 2_900_000, 3_000_000, 10].map((size, index) => ({
    id: String(index),
    name: `${index}`,
    content: { blob: { sha256: "0", size } },
  }));
  const plan = planAttachments({ attachments }, 10_000);
  const names = (list: { name: string }[]) => list.map(({ name }) => name).join();
  expect([names(plan.inline), names(plan.posted), names(plan.uploaded)]).toEqual(["0,4", "1,2", "3"]);
});

test("no setting's text shows a secret", () => {
  expect(JSON.stringify(settings)).toContain("[secret]");
});
