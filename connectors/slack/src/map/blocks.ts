import type { Json } from "@hansard/core";
import { isObject, listAt, objectAt, stringAt } from "../schema/json.ts";
import { parseMrkdwn } from "./mrkdwn.ts";
import type { Names } from "./names.ts";
import { type Block, paragraph, type Span } from "./rich.ts";
import { richElements } from "./rich-text.ts";

/** Shows the blocks of a message. A kind that is not known shows the texts inside it. */
export function showBlocks(blocks: unknown[], names: Names): Block[] {
  return blocks.flatMap((block) => (isObject(block) ? showBlock(block, names) : []));
}

/** Whether blocks say more than `text` does: Slack's own editor writes both alike. */
export function sayMoreThanText(blocks: unknown[]): boolean {
  return blocks.some((block) => isObject(block) && block["type"] !== "rich_text");
}

function showBlock(block: { [name: string]: Json }, names: Names): Block[] {
  switch (block["type"]) {
    case "rich_text":
      return richElements(listAt(block, "elements"), names);
    case "section":
      return [
        ...textObject(block["text"], names),
        ...listAt(block, "fields").flatMap((field) => textObject(field, names)),
        ...showElement(block["accessory"], names),
      ];
    case "header":
      return [{ kind: "heading", spans: textObject(block["text"], names).flatMap(spansOf) }];
    case "markdown":
      return textBlocks(stringAt(block, "text"), names);
    case "context":
    case "actions":
    case "context_actions":
      return joinInline(listAt(block, "elements").flatMap((element) => showElement(element, names)));
    case "image":
      return [...textObject(block["title"], names), ...showElement(block, names)];
    case "video":
      return [
        ...textObject(block["title"], names),
        ...textObject(block["description"], names),
        ...link(stringAt(block, "title_url") ?? stringAt(block, "video_url")),
      ];
    case "input":
      return [
        ...textObject(block["label"], names),
        ...showElement(block["element"], names),
        ...textObject(block["hint"], names),
      ];
    case "table":
      return [
        {
          kind: "table",
          rows: listAt(block, "rows").map((row) =>
            Array.isArray(row) ? row.map((cell) => showCell(cell, names)) : [],
          ),
        },
      ];
    case "divider":
      return [{ kind: "rule" }];
    default:
      return showUnknown(block, names);
  }
}

function showCell(cell: Json, names: Names): Block[] {
  return stringAt(cell, "type") === "raw_text"
    ? textBlocks(stringAt(cell, "text"), names)
    : isObject(cell)
      ? showBlock(cell, names)
      : [];
}

/** A text object of Block Kit: markup, or plain text with emoji names. */
function textObject(value: Json | undefined, names: Names): Block[] {
  return textBlocks(stringAt(value, "text"), names);
}

function textBlocks(text: string | undefined, names: Names): Block[] {
  return text ? parseMrkdwn(text, names) : [];
}

/** Buttons, menus and images inside other blocks. What a person could only click is shown by its label. */
function showElement(element: Json | undefined, names: Names): Block[] {
  if (!isObject(element)) return [];
  const type = stringAt(element, "type");
  if (type === "image")
    return [
      paragraph({
        text: `[Image: ${stringAt(element, "alt_text") || "without a description"}]`,
        ...urlOf(stringAt(element, "image_url")),
      }),
    ];
  if (type === "mrkdwn" || type === "plain_text") return textObject(element, names);
  const label = textObject(element["text"], names).flatMap(spansOf);
  const placeholder = label.length > 0 ? label : textObject(element["placeholder"], names).flatMap(spansOf);
  const value = stringAt(element, "initial_value") ?? stringAt(element, "value");
  const options = [
    ...listAt(element, "options"),
    ...listAt(element, "option_groups").flatMap((group) => listAt(group, "options")),
  ];
  const shown: Span[] = [
    { text: "[" },
    ...(placeholder.length > 0 ? placeholder : [{ text: type ?? "element" }]),
    { text: "]" },
    ...(type !== "button" && value ? [{ text: ` ${value}` }] : []),
  ];
  const url = urlOf(stringAt(element, "url"));
  return [
    {
      kind: "paragraph",
      spans: url.url === undefined ? shown : [{ text: shown.map(({ text }) => text).join(""), ...url }],
    },
    ...options.flatMap((option) => textObject(objectAt(option, "text"), names)),
  ];
}

function urlOf(url: string | undefined): { url?: string } {
  return url ? { url } : {};
}

function link(url: string | undefined): Block[] {
  return url ? [paragraph({ text: url, url })] : [];
}

function spansOf(block: Block): Span[] {
  return "spans" in block ? block.spans : [];
}

function joinInline(blocks: Block[]): Block[] {
  const spans = blocks.flatMap((block) => [...spansOf(block), { text: " " }]).slice(0, -1);
  return spans.length > 0 ? [{ kind: "paragraph", spans }] : [];
}

/** New kinds of blocks appear without notice. Their texts are shown wherever they stand. */
function showUnknown(block: { [name: string]: Json }, names: Names): Block[] {
  const texts = Object.entries(block).flatMap(([name, value]) =>
    name === "type" || name === "block_id" ? [] : textsIn(value),
  );
  return [paragraph(`[${stringAt(block, "type") || "block"}]`), ...texts.flatMap((text) => textBlocks(text, names))];
}

function textsIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    typeof part === "string" ? (["text", "alt_text", "title", "url"].includes(name) ? [part] : []) : textsIn(part),
  );
}
