import type { CapturedEvent, MessageAttachment, MessageDraft, Participant } from "@hansard/core";
import { z } from "zod";
import { Mail } from "../schema.ts";
import { distinct, mailParticipant, nameOf } from "./people.ts";

const Html = z.object({ attachment: z.string(), text: z.string() });
const Disclaimer = z.object({ text: z.string() });

/** Bloomberg Mail. The body has the greeting and the disclaimer that the recipients saw. */
export function mail(event: CapturedEvent): MessageDraft {
  const data = Mail.parse(event.data);
  const html = event.context["html"] === undefined ? undefined : Html.parse(event.context["html"]);
  const disclaimer =
    event.context["disclaimer"] === undefined ? undefined : Disclaimer.parse(event.context["disclaimer"]).text;
  const from = mailParticipant(data.Sender.UserInfo);
  const notes = notesOf(data, event, disclaimer);
  return {
    from,
    to: distinct([...data.Recipient.map(({ UserInfo }) => mailParticipant(UserInfo)), ...forwards(data)]),
    date: event.occurredAt,
    subject: data.Subject || "(no subject)",
    text: [data.MsgBody, data.Greeting, disclaimer].filter(Boolean).join("\n\n"),
    ...(html && { html: html.text + closingHtml(data.Greeting, disclaimer) }),
    ...attachmentsOf(event, html?.attachment),
    ...(notes.length > 0 && { notes }),
  };
}

function forwards({ Recipient }: Mail): Participant[] {
  return Recipient.flatMap(({ ForwardedTo }) =>
    ForwardedTo.flatMap((to) => to.Recipient.map(({ UserInfo }) => mailParticipant(UserInfo))),
  );
}

function attachmentsOf(
  { attachments }: CapturedEvent,
  shownAsHtml: string | undefined,
): { attachments?: MessageAttachment[] } {
  const files = attachments.flatMap((file): MessageAttachment[] => {
    if (!("blob" in file) || file.id === shownAsHtml) return [];
    return [{ id: file.id, name: file.name, content: { blob: file.blob } }];
  });
  return files.length > 0 ? { attachments: files } : {};
}

function notesOf(data: Mail, { attachments }: CapturedEvent, disclaimer: string | undefined): string[] {
  const notes: string[] = [];
  const to = recipients(data, "TO");
  if (to.length === 0)
    notes.push("The source names no one under To: its recipients are listed as they were delivered to.");
  for (const [type, title] of [
    ["CC", "Cc"],
    ["BCC", "Bcc"],
  ] as const) {
    const people = recipients(data, type);
    if (people.length > 0) notes.push(`${title}: ${people.map(nameOf).join(", ")}.`);
  }
  if (data.OnBehalfOf) notes.push(`Sent on behalf of ${nameOf(mailParticipant(data.OnBehalfOf.UserInfo))}.`);
  if (data.SharedMessenger)
    notes.push(`Sent from the shared messenger of ${nameOf(mailParticipant(data.SharedMessenger.UserInfo))}.`);
  if (data.OrigSender) notes.push(`First written by ${nameOf(mailParticipant(data.OrigSender.UserInfo))}.`);
  const forwarded = forwards(data);
  if (forwarded.length > 0) notes.push(`Forwarded to ${forwarded.map(nameOf).join(", ")}.`);
  for (const { Reference, FileID } of data.Attachment) {
    if (Reference !== undefined && FileID === undefined)
      notes.push(`The source gives a reference in place of an attachment: ${Reference}.`);
  }
  for (const file of attachments) {
    if ("unavailable" in file) notes.push(`The attachment ${file.name} is missing. ${file.unavailable}`);
  }
  if (data.DisclaimerReference && disclaimer === undefined) {
    notes.push(`The disclaimer ${data.DisclaimerReference.trim()} is not in the drop and could not be shown.`);
  }
  if (data.Sender["@DeviceType"] === "M") notes.push("It was sent from a mobile device.");
  return notes;
}

function recipients({ Recipient }: Mail, type: string): Participant[] {
  return Recipient.filter((recipient) => (recipient["@DeliveryType"] ?? "TO") === type).map(({ UserInfo }) =>
    mailParticipant(UserInfo),
  );
}

function closingHtml(...texts: (string | undefined)[]): string {
  return texts.map((text) => (text ? `<pre>${escapeHtml(text)}</pre>` : "")).join("");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
