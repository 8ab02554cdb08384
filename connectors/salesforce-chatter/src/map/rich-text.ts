const KEPT = new Set(["p", "b", "i", "u", "s", "ul", "ol", "li", "code"]);
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

/** The text of a body. Rich text is HTML with few tags, in which everything else is escaped. */
export function toText(body: string, isRich: boolean): string {
  if (!isRich) return body;
  const lines = body.replace(/<li[^>]*>/gi, "\n- ").replace(/<\/?(p|ul|ol|br)[^>]*>/gi, "\n");
  const shown = lines.replace(/<a\s[^>]*href="([^"]*)"[^>]*>([^<]*)<\/a>/gi, (_, href: string, label: string) =>
    href === label ? label : `${label} (${href})`,
  );
  const plain = decode(shown.replace(/<[^>]*>/g, ""));
  return plain
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** Rich text as HTML that is safe to show: known tags without attributes, links to the web, and images of the post itself. */
export function toHtml(body: string, images: Map<string, string>): string {
  return body.replace(/<[^>]*>|[^<]+|</g, (token) => {
    if (!token.startsWith("<") || !token.endsWith(">")) return escape(decode(token));
    const [, closing = "", name = "", attributes = ""] = /^<(\/?)([a-z0-9]+)([^>]*)>$/i.exec(token) ?? [];
    const tag = name.toLowerCase();
    if (KEPT.has(tag)) return `<${closing}${tag}>`;
    if (tag === "a") return closing ? "</a>" : link(attributes);
    if (tag === "img") return closing ? "" : image(attributes, images);
    return "";
  });
}

export function firstLine(text: string): string {
  const line =
    text
      .split("\n")
      .find((candidate) => candidate.trim() !== "")
      ?.trim() ?? "";
  return line.length <= 100 ? line : `${[...line].slice(0, 99).join("")}…`;
}

function link(attributes: string): string {
  const href = decode(/href="([^"]*)"/i.exec(attributes)?.[1] ?? "");
  return /^(https?|mailto):/i.test(href) ? `<a href="${escape(href)}">` : "<a>";
}

/** An image names its document by an id of 15 or 18 characters, of which the first 15 are the same. */
function image(attributes: string, images: Map<string, string>): string {
  const document = /sfdc:\/\/([a-z0-9]{15})/i.exec(attributes)?.[1];
  const attachment = document === undefined ? undefined : images.get(document);
  const alt = decode(/alt="([^"]*)"/i.exec(attributes)?.[1] ?? "");
  return attachment === undefined
    ? escape(`[image${alt && ` ${alt}`}]`)
    : `<img src="cid:${escape(attachment)}" alt="${escape(alt)}">`;
}

function decode(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{1,8});/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}
