import { isObject, listAt, numberAt, stringAt } from "../schema/json.ts";
import { showBlocks } from "./blocks.ts";
import { parseMrkdwn } from "./mrkdwn.ts";
import type { Names } from "./names.ts";
import { type Block, paragraph, renderText } from "./rich.ts";

/** Shows the attachments of a message, in Slack's sense: previews of links, shared messages and what older apps post. */
export function showUnfurls(attachments: unknown[], names: Names): Block[] {
  return attachments.flatMap((attachment): Block[] => {
    const blocks = showUnfurl(attachment, names);
    return blocks.length > 0 ? [{ kind: "quote", blocks }] : [];
  });
}

function showUnfurl(attachment: unknown, names: Names): Block[] {
  if (!isObject(attachment)) return [];
  const field = (name: string): string => stringAt(attachment, name) ?? "";
  const markup = (text: string): Block[] => (text === "" ? [] : parseMrkdwn(text, names));
  const body = [
    ...markup(field("text")),
    ...listAt(attachment, "fields").flatMap((item) => showField(item, names)),
    ...showBlocks(listAt(attachment, "blocks"), names),
    ...listAt(attachment, "message_blocks").flatMap((item) =>
      isObject(item) && isObject(item["message"]) && field("text") === ""
        ? showBlocks(listAt(item["message"], "blocks"), names)
        : [],
    ),
    ...showPicture(field("image_url") || field("thumb_url")),
  ];
  const blocks = [
    ...markup(field("pretext")),
    ...showOrigin(attachment, names),
    ...titled(field("title"), field("title_link") || field("from_url")),
    ...body,
    ...markup(footerOf(attachment, names)),
  ];
  // The fallback repeats in plain text what richer fields say.
  return renderText(blocks).trim() === "" ? markup(field("fallback") || field("from_url")) : blocks;
}

function showOrigin(attachment: { [name: string]: unknown }, names: Names): Block[] {
  const service = stringAt(attachment, "service_name");
  const author = stringAt(attachment, "author_name") || stringAt(attachment, "author_subname");
  const id = stringAt(attachment, "author_id");
  const shown = [service, author ?? (id ? names.person(id) : undefined)].filter(Boolean).join(": ");
  const url = stringAt(attachment, "author_link");
  return shown === "" ? [] : [paragraph({ text: shown, bold: true, ...(url && { url }) })];
}

function titled(title: string, url: string): Block[] {
  if (title === "") return [];
  return [paragraph({ text: title, ...(url !== "" && { url }) })];
}

function showField(field: unknown, names: Names): Block[] {
  const title = stringAt(field, "title");
  const [first, ...more] = parseMrkdwn(stringAt(field, "value") ?? "", names);
  if (!title) return first ? [first, ...more] : [];
  const value = first && "spans" in first ? first.spans : [];
  const rest = first && !("spans" in first) ? [first, ...more] : more;
  return [paragraph({ text: `${title}: `, bold: true }, ...value), ...rest];
}

function showPicture(url: string): Block[] {
  return url === "" ? [] : [paragraph({ text: "[Image]", url })];
}

function footerOf(attachment: { [name: string]: unknown }, names: Names): string {
  const channel = stringAt(attachment, "channel_id");
  const place = stringAt(attachment, "channel_name") ?? (channel ? names.channel(channel) : undefined);
  const seconds = stringAt(attachment, "ts") ?? numberAt(attachment, "ts")?.toString();
  return [
    stringAt(attachment, "footer"),
    place && place !== "" ? `#${place}` : undefined,
    seconds ? names.time(seconds) : undefined,
  ]
    .filter(Boolean)
    .join(", ");
}
