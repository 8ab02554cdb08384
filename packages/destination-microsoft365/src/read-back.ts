import { hash } from "node:crypto";
import type { Delivery } from "@hansard/core/ingestion";
import { z } from "zod";
import { userPath, type Work } from "./deliver.ts";
import { CLASS_PROPERTY } from "./payload.ts";

const Stored = z.object({
  subject: z.string().nullish(),
  isDraft: z.boolean(),
  receivedDateTime: z.string(),
  internetMessageId: z.string().nullish(),
  singleValueExtendedProperties: z.array(z.object({ id: z.string(), value: z.string() })).default([]),
});

const SHARE_STEPS = 10_000;

/** Whether a message is of those that are read back: always the same, whoever asks. */
export function isInSample(messageId: string, share: number): boolean {
  return Number.parseInt(hash("sha256", messageId, "hex").slice(0, 8), 16) % SHARE_STEPS < share * SHARE_STEPS;
}

/** What Exchange made of a message, where it is not what was sent; a phrase each. */
export async function differencesOf(
  { message, mailbox }: Pick<Delivery, "message" | "mailbox">,
  itemId: string,
  { client }: Work,
  signal: AbortSignal,
): Promise<string[]> {
  const expand = encodeURIComponent(`singleValueExtendedProperties($filter=id eq '${CLASS_PROPERTY}')`);
  const path = `${userPath(mailbox)}/messages/${itemId}?$select=subject,isDraft,receivedDateTime,internetMessageId&$expand=${expand}`;
  const stored = Stored.parse((await client.call({ method: "GET", path, mailbox }, signal)).json);
  const messageClass = stored.singleValueExtendedProperties[0]?.value ?? "none";
  const received = Date.parse(stored.receivedDateTime);
  return [
    ...(stored.isDraft ? ["it is a draft"] : []),
    ...(messageClass.toLowerCase() === message.messageClass.toLowerCase() ? [] : [`its class is ${messageClass}`]),
    ...(Math.abs(received - Date.parse(message.date)) < 1000 ? [] : [`its date is ${stored.receivedDateTime}`]),
    ...(stored.internetMessageId === message.id ? [] : [`its Message-ID is ${stored.internetMessageId ?? "none"}`]),
    ...(stored.subject === message.subject.slice(0, 255) ? [] : ["its subject differs"]),
  ];
}
