import type { EventAttachment, Json } from "@hansard/core";
import { Mail } from "../schema.ts";
import { CONVERSATION, fileNameOf, type Parsed } from "./parse.ts";
import { type Context, contextOf, digestOf, type Resolved, type Surroundings, timeOf } from "./surroundings.ts";
import { ELEMENT, type Tree } from "./tree.ts";

/** Turns a mail file's records into events with their disclaimers and attachments. */
export async function* mailEvents(parsed: Parsed, surroundings: Surroundings): AsyncGenerator<Resolved[]> {
  const met = new Map<string, number>();
  for await (const records of parsed.records.records()) {
    const resolved: Resolved[] = [];
    for (const record of records) {
      if (record[ELEMENT] === CONVERSATION) continue;
      const mail = record[ELEMENT] === "Message" ? Mail.safeParse(record) : undefined;
      resolved.push(mail?.success ? await resolveMail(mail.data, record, surroundings) : unknown(record, surroundings));
    }
    for (const { event } of resolved) {
      const times = (met.get(event.key) ?? 0) + 1;
      met.set(event.key, times);
      if (times > 1) event.version = `repeat-${times}`;
    }
    yield resolved;
  }
}

async function resolveMail(mail: Mail, data: Json, { attachments, disclaimers }: Surroundings): Promise<Resolved> {
  const contexts: Context[] = [];
  const context: Record<string, string> = {};
  const files: EventAttachment[] = [];
  const missing: Resolved["missing"] = { files: [] };
  for (const [index, attachment] of mail.Attachment.entries()) {
    const name = fileNameOf(attachment);
    if (name === undefined) continue;
    const stored = attachments.find(name);
    const common = { id: `${index + 1}:${name}`, name: attachment.FileName ?? name };
    if (!stored) {
      missing.files.push(name);
      files.push({ ...common, unavailable: "It is not in the attachments archives of the drop." });
      continue;
    }
    stored.used = true;
    files.push({ ...common, blob: stored.blob });
    const text = isAlternativeBody(attachment.FileName) ? await attachments.html(stored) : undefined;
    if (text === undefined || context["html"] !== undefined) continue;
    const html = contextOf("html", { attachment: common.id, text });
    context["html"] = html.id;
    contexts.push(html);
  }
  const reference = mail.DisclaimerReference?.trim();
  const disclaimer = reference === undefined ? undefined : disclaimers.get(reference);
  if (disclaimer !== undefined) {
    const found = contextOf("disclaimer", { text: disclaimer });
    context["disclaimer"] = found.id;
    contexts.push(found);
  } else if (reference !== undefined && reference !== "") {
    missing.disclaimer = reference;
  }
  const event: Resolved["event"] = {
    type: "Mail",
    key: `mail:${mail.MsgTimeUTC.padStart(10, "0")}:${mail.MsgID}`,
    occurredAt: timeOf(mail.MsgTimeUTC),
    data,
    context,
    attachments: files,
  };
  return { event, contexts, missing };
}

/** Bloomberg delivers a mail's HTML form as an attachment of this name. */
export function isAlternativeBody(name: string | undefined): boolean {
  return name?.toLowerCase() === "alt_body.html";
}

function unknown(data: Tree, { group }: Surroundings): Resolved {
  const epoch = data["MsgTimeUTC"];
  const isTime = typeof epoch === "string" && /^\d{1,13}$/.test(epoch);
  const occurredAt = isTime ? timeOf(epoch) : `${group.split(".")[1]}T00:00:00.000Z`;
  return {
    event: { type: "Other", key: `mail:${occurredAt}:${digestOf(JSON.stringify(data))}`, occurredAt, data },
    contexts: [],
    missing: { files: [] },
  };
}
