import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { isObject, type JsonObject, stringAt } from "../schema/json.ts";
import { draft, said, threadOf, viewOf } from "./draft.ts";
import { noticeToMessage } from "./notices.ts";
import { type Block, paragraph } from "./rich.ts";

const CHANGES: Record<string, string> = {
  added: "added",
  removed: "removed",
  enabled: "enabled",
  disabled: "disabled",
  updated: "updated",
  expanded: "widened the permissions of",
};
const SAID = new Set(["user_id", "user_name", "date", "change_type"]);

/** A canvas or a list as Slack describes it by itself; what Slack posts about one is a notice. */
export function documentToMessage(event: CapturedEvent): MessageDraft {
  const { data, attachments } = event;
  const isDocument = isObject(data) && attachments.some(({ id }) => id === stringAt(data, "id"));
  if (!isDocument) return noticeToMessage(event);
  const view = viewOf(event, { ...data, file: data });
  const title = view.message.file?.title || view.message.name || stringAt(data, "id") || "";
  const what = event.type === "List" ? "list" : "canvas";
  const { blocks, around } = said(view);
  return draft(view, {
    summary: `The ${what} "${title}"`,
    blocks: [paragraph(`The ${what} "${title}" of ${view.conversation.title}, as it stood in the export.`), ...blocks],
    around,
  });
}

/** A file that was not to be had when its message was archived. It comes by itself: the rest of the message was delivered. */
export function lateFileToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const { names, message } = view;
  const { around } = said(view);
  const fetchedAt = stringAt(event.data, "fetchedAt") ?? event.occurredAt;
  const of = message.ts ? ` of ${names.time(message.ts)}` : "";
  const told = `This file of the message${of} could not be had when the message was archived. It was fetched at ${fetchedAt.slice(0, 19).replace("T", " ")} UTC.`;
  const references = threadOf(view);
  return draft(view, {
    prefix: "Late file: ",
    summary: event.attachments[0]?.name ?? "",
    blocks: [paragraph(told)],
    around,
    ...(references.length > 0 && { references }),
  });
}

/** That somebody added an app to the workspace, or changed what it may do. */
export function integrationToMessage(event: CapturedEvent): MessageDraft {
  const data: JsonObject = isObject(event.data) ? event.data : {};
  const user = stringAt(data, "user_id");
  const profile = { name: stringAt(data, "user_name") };
  const view = viewOf(event, { ...data, ...(user && { user, user_profile: profile }) });
  const who = user ? view.names.person(user, profile.name) : (profile.name ?? "Somebody");
  const change = stringAt(data, "change_type") ?? "changed";
  const app = stringAt(data, "app_type") || stringAt(data, "service_type") || stringAt(data, "app_id") || "an app";
  const happened = `${who} ${CHANGES[change] ?? `changed (${change})`} the app ${app}`;
  return draft(view, { summary: happened, blocks: [paragraph(`${happened}.`), ...detailsOf(data, view.names)] });
}

/** Everything else that the log says about it. */
function detailsOf(data: JsonObject, names: { channel(id: string): string }): Block[] {
  return Object.entries(data).flatMap(([name, value]) => {
    if (SAID.has(name) || value === null || value === "") return [];
    const isChannel = name === "channel" && typeof value === "string";
    const shown = isChannel ? `#${names.channel(value)}` : typeof value === "string" ? value : JSON.stringify(value);
    return [paragraph(`${name.replaceAll("_", " ")}: ${shown}`)];
  });
}
