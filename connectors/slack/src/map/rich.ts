/** Text as people see it, between Slack's notations and the two forms of a mail's body. */
export interface Span {
  text: string;
  bold?: boolean;
  italic?: boolean;
  strike?: boolean;
  code?: boolean;
  /** Where it leads. Only web and mail addresses become links. */
  url?: string;
}

export type Block =
  | { kind: "paragraph" | "heading"; spans: Span[] }
  | { kind: "code"; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; ordered: boolean; start: number; indent: number; items: Span[][] }
  | { kind: "table"; rows: Block[][][] }
  /** An image of an attachment of this message. */
  | { kind: "image"; attachment: string; alternative: string }
  | { kind: "rule" };

export function paragraph(...spans: (Span | string)[]): Block {
  return { kind: "paragraph", spans: spans.map((span) => (typeof span === "string" ? { text: span } : span)) };
}

export function renderText(blocks: Block[]): string {
  return blocks
    .map(textOf)
    .filter((text) => text !== "")
    .join("\n");
}

function textOf(block: Block): string {
  switch (block.kind) {
    case "paragraph":
    case "heading":
      return spansToText(block.spans);
    case "code":
      return block.text;
    case "quote":
      return renderText(block.blocks).replaceAll(/^/gm, "> ");
    case "list":
      return block.items
        .map(
          (item, index) =>
            `${"    ".repeat(block.indent)}${block.ordered ? `${block.start + index}.` : "•"} ${spansToText(item)}`,
        )
        .join("\n");
    case "table":
      return block.rows.map((row) => row.map((cell) => renderText(cell).replaceAll("\n", " ")).join(" | ")).join("\n");
    case "image":
      return `[Image: ${block.alternative}]`;
    default:
      return "----";
  }
}

export function spansToText(spans: Span[]): string {
  let text = "";
  for (const span of spans) {
    // Struck-out words must not read as said.
    text += span.strike ? `~${span.text}~` : span.text;
    if (span.url !== undefined && span.url !== span.text && span.url !== `mailto:${span.text}`)
      text += ` <${span.url}>`;
  }
  return text;
}

export function renderHtml(blocks: Block[]): string {
  let html = "";
  for (const block of blocks) html += htmlOf(block);
  return html;
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case "paragraph":
      return `<p>${spansToHtml(block.spans)}</p>\n`;
    case "heading":
      return `<h3>${spansToHtml(block.spans)}</h3>\n`;
    case "code":
      return `<pre>${escapeHtml(block.text)}</pre>\n`;
    case "quote":
      return `<blockquote>\n${renderHtml(block.blocks)}</blockquote>\n`;
    case "list": {
      const tag = block.ordered ? "ol" : "ul";
      const start = block.ordered && block.start !== 1 ? ` start="${block.start}"` : "";
      const items = block.items.map((item) => `<li>${spansToHtml(item)}</li>\n`).join("");
      return `${"<ul>".repeat(block.indent)}<${tag}${start}>\n${items}</${tag}>${"</ul>".repeat(block.indent)}\n`;
    }
    case "table":
      return `<table>\n${block.rows.map((row) => `<tr>${row.map((cell) => `<td>${renderHtml(cell)}</td>`).join("")}</tr>\n`).join("")}</table>\n`;
    case "image":
      return `<p><img src="cid:${encodeURIComponent(block.attachment)}" alt="${escapeHtml(block.alternative)}"></p>\n`;
    default:
      return "<hr>\n";
  }
}

function spansToHtml(spans: Span[]): string {
  let html = "";
  for (const span of spans) {
    let inner = escapeHtml(span.text).replaceAll("\n", "<br>\n");
    if (span.code) inner = `<code>${inner}</code>`;
    if (span.strike) inner = `<s>${inner}</s>`;
    if (span.italic) inner = `<i>${inner}</i>`;
    if (span.bold) inner = `<b>${inner}</b>`;
    if (span.url !== undefined)
      inner = isSafeUrl(span.url)
        ? `<a href="${escapeHtml(span.url)}">${inner}</a>`
        : `${inner} &lt;${escapeHtml(span.url)}&gt;`;
    html += inner;
  }
  return html;
}

/** Everything else, such as `javascript:` or `slack:`, is shown and not linked. */
function isSafeUrl(url: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(url);
}

const SPECIAL = /[&<>"']/;
const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "") : text;
}
