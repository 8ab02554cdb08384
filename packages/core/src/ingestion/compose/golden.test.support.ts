import type { Message } from "../mail.ts";
import { composeMail } from "./compose-mail.ts";
import { composeMessage } from "./compose-message.ts";

/** A message as simple as they come. */
export const SAMPLE: Message = {
  id: "<v1.abc@x.archive.invalid>",
  messageClass: "IPM.NOTE.Slack.Message",
  date: "2026-11-22T09:30:00.123Z",
  from: { id: "U1", name: "Alice Example", address: "alice@contoso.example" },
  to: [
    { id: "U2", name: "Bob Example", address: "bob@contoso.example" },
    { id: "C1", name: "#general", kind: "place", address: "c1--u@slack.invalid" },
  ],
  subject: "#general: Good morning",
  text: "Good morning,\nall.",
  attachments: [],
  references: [],
  headers: [["X-Hansard-Source", "Slack"]],
};

/** A message with everything in it that time zone, locale or chance could reach. */
function everything(): Message {
  return composeMessage({
    draft: {
      from: { id: "IĞÜıi", name: "İlker Işık", address: "ILKER@contoso.example" },
      to: Array.from({ length: 40 }, (_, index) => ({
        id: `U${index}`,
        name: index % 2 ? `Zoë ${index}` : `Nr. ${index}`,
      })),
      date: "2026-03-29T02:30:00.5+13:45",
      subject: "Iıİi: 東京 👩‍👩‍👧 ".repeat(8),
      text: "Straße\r\nIıİi\n\0",
      html: "<p>Straße <img src='cid:pic 1'></p>",
      notes: ["The file “ß” could not be fetched."],
      attachments: [
        {
          id: "pic 1",
          name: "../İmage.png",
          contentType: "IMAGE/PNG",
          content: { text: "x".repeat(1000) },
          inline: true,
        },
        { id: "F2", name: "ß".repeat(100), contentType: "TEXT/PLAIN", content: { text: "" } },
      ],
    },
    source: "InstantBloomberg",
    type: "IM",
    key: "ı:İ:1",
    version: "I",
    messageId: "<v1.golden@x.archive.invalid>",
    references: ["<v1.first@x.archive.invalid>", "<v1.second@x.archive.invalid>"],
    address: () => undefined,
  });
}

export function goldenHashes(): { sample: string; everything: string } {
  return { sample: composeMail(SAMPLE).sha256, everything: composeMail(everything()).sha256 };
}

/** What is archived already has these bytes: a change here makes replayed messages differ from those that mailboxes hold. */
export const GOLDEN = {
  sample: "49973aa6c7ffc1940836d310395911a5ba92a8c11e0cd75e93e502b9e495f9fb",
  everything: "401eefc434fd342bbacf88503e4f97470254f4344cac2490622bf288809c3a66",
};
