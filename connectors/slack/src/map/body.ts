import type { CapturedEvent, EventAttachment, Json, MessageAttachment } from "@hansard/core";
import type { File, Message } from "../schema.ts";
import { sayMoreThanText, showBlocks } from "./blocks.ts";
import { showEmoji } from "./emoji.ts";
import { parseMrkdwn } from "./mrkdwn.ts";
import type { Names } from "./names.ts";
import { type Block, paragraph, renderText, type Span } from "./rich.ts";
import { showUnfurls } from "./unfurls.ts";

/** Raster images that mail software shows without running anything. */
const INLINE_TYPES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"]);

/** What a message says, without what is around it. */
export function showContent(message: Message, names: Names): Block[] {
  const said = message.text ? parseMrkdwn(message.text, names) : [];
  const { blocks = [], attachments = [] } = message;
  if (blocks.length === 0 || (said.length > 0 && !sayMoreThanText(blocks)))
    return [...said, ...showUnfurls(attachments, names)];
  const shown = showBlocks(blocks, names);
  // The text of an app's message is what a notification shows; its blocks may say the same, more, or something else.
  const repeats = renderText(shown).includes(renderText(said));
  return [...(repeats ? [] : said), ...shown, ...showUnfurls(attachments, names)];
}

/** What surrounds the content: files, who reacted, that it was edited, how long a call took. */
export function showSurroundings(event: CapturedEvent, message: Message, names: Names): Block[] {
  return [
    ...showRoom(message, names),
    ...showFiles(event, message),
    ...showReactions(message.reactions ?? [], names),
    ...(message.edited?.ts
      ? [paragraph({ text: `Edited at ${names.time(message.edited.ts)}${byWhom(message, names)}`, italic: true })]
      : []),
  ];
}

function byWhom({ edited, user }: Message, names: Names): string {
  return edited?.user && edited.user !== user ? ` by ${names.person(edited.user)}` : "";
}

export function showReactions(
  reactions: { name: string; users: string[]; count?: number | undefined }[],
  names: Names,
): Block[] {
  if (reactions.length === 0) return [];
  const shown = reactions.map(({ name, users, count = 0 }) => {
    const unnamed = count - users.length;
    const people = [...users.map((user) => names.person(user)), ...(unnamed > 0 ? [`${unnamed} more`] : [])].join(", ");
    return `${showEmoji(name)} ${people}`.trim();
  });
  return [paragraph(`Reactions: ${shown.join("; ")}`)];
}

function showRoom({ room }: Message, names: Names): Block[] {
  if (!room) return [];
  const { date_start: start, date_end: end, participant_history: people = [] } = room;
  const times = [start ? `Started ${names.time(String(start))}` : "", end ? `ended ${names.time(String(end))}` : ""]
    .filter(Boolean)
    .join(", ");
  return [
    ...(times === "" ? [] : [paragraph(`${times}.`)]),
    ...(people.length === 0 ? [] : [paragraph(`Took part: ${people.map((id) => names.person(id)).join(", ")}.`)]),
  ];
}

function showFiles(event: CapturedEvent, message: Message): Block[] {
  const files = [...(message.files ?? []).filter((file) => file !== null), ...(message.file ? [message.file] : [])];
  const shown = new Map(files.map((file) => [file.id, file]));
  return [...shown.values()].flatMap((file) => {
    const attachment = event.attachments.find(({ id }) => id === file.id);
    const line = paragraph("File: ", fileSpan(file, attachment));
    return attachment && isInline(attachment)
      ? [line, { kind: "image" as const, attachment: attachment.id, alternative: attachment.name }]
      : [line];
  });
}

function fileSpan({ id, name, title, mimetype, size, permalink }: File, attachment: EventAttachment | undefined): Span {
  const label = title && name && title !== name ? `${title} (${name})` : name || title || id;
  const facts = [
    mimetype,
    size === undefined ? undefined : `${size} bytes`,
    attachment && "unavailable" in attachment ? "missing" : undefined,
  ]
    .filter(Boolean)
    .join(", ");
  return { text: facts === "" ? label : `${label}, ${facts}`, ...(permalink && { url: permalink }) };
}

function isInline(attachment: EventAttachment): boolean {
  return "blob" in attachment && attachment.contentType !== undefined && INLINE_TYPES.has(attachment.contentType);
}

export function attachmentsOf({ attachments }: CapturedEvent): MessageAttachment[] {
  return attachments.flatMap((attachment): MessageAttachment[] => {
    if (!("blob" in attachment)) return [];
    const { id, name, contentType, blob } = attachment;
    return [
      {
        id,
        name,
        content: { blob },
        ...(contentType && { contentType }),
        ...(isInline(attachment) && { inline: true }),
      },
    ];
  });
}

export function notesOf({ attachments }: CapturedEvent): string[] {
  return attachments.flatMap((attachment) =>
    "unavailable" in attachment ? [`The file "${attachment.name}" is missing: ${attachment.unavailable}`] : [],
  );
}

/** The event as the source told it, for what the mapping does not know. */
export function rawAttachment(data: Json): MessageAttachment & { content: { text: string } } {
  return {
    id: "event.json",
    name: "event.json",
    contentType: "application/json",
    content: { text: JSON.stringify(data, null, 2) },
  };
}
