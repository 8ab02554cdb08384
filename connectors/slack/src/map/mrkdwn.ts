import { emojiNamed } from "./emoji.ts";
import type { Names } from "./names.ts";
import type { Block, Span } from "./rich.ts";

type Marks = Omit<Span, "text" | "url">;

const FENCE = "```";
const PLAIN = /^[^<&`*_~:\n]*$/;
const MARK_NAMES: Record<string, keyof Marks> = { "*": "bold", _: "italic", "~": "strike" };
const EMOJI = /:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/y;

/** Reads Slack's markup: bold, italic, code, quotes, mentions, links, emoji. Its three entities are unescaped once. */
export function parseMrkdwn(text: string, names: Names): Block[] {
  if (PLAIN.test(text)) return text.trim() === "" ? [] : [{ kind: "paragraph", spans: [{ text }] }];
  const blocks: Block[] = [];
  const parts = text.split(FENCE);
  // An odd number of fences leaves the last one standing as text.
  const open = parts.length % 2 === 0 ? FENCE + (parts.pop() ?? "") : "";
  parts.forEach((part, index) => {
    if (index % 2 === 1)
      blocks.push({ kind: "code", text: spansToPlain(parseInline(trimBreaks(part), names, {}, true)) });
    else blocks.push(...parseLines(index === parts.length - 1 ? part + open : part, names));
  });
  return blocks;
}

function trimBreaks(text: string): string {
  return text.replace(/^\n/, "").replace(/\n$/, "");
}

function spansToPlain(spans: Span[]): string {
  return spans
    .map((span) => (span.url !== undefined && span.url !== span.text ? `${span.text} <${span.url}>` : span.text))
    .join("");
}

/** Lines that start with `>` are quotes; `>>>` quotes all that follows. */
function parseLines(text: string, names: Names): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let quoted = false;
  function flush(): void {
    const spans = parseInline(trimBreaks(lines.join("\n")), names, {});
    if (spans.some((span) => span.text.trim() !== ""))
      blocks.push(quoted ? { kind: "quote", blocks: [{ kind: "paragraph", spans }] } : { kind: "paragraph", spans });
    lines = [];
  }
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    const rest = /^(?:&gt;){3} ?/.exec(line)?.[0];
    if (rest !== undefined) {
      flush();
      quoted = true;
      lines = [line.slice(rest.length), ...all.slice(index + 1)];
      break;
    }
    const mark = /^&gt; ?/.exec(line)?.[0];
    if ((mark !== undefined) !== quoted) flush();
    quoted = mark !== undefined;
    lines.push(line.slice(mark?.length ?? 0));
  }
  flush();
  return blocks;
}

/** Linear in the text's length: a mark that finds no partner is not searched for again. */
export function parseInline(text: string, names: Names, marks: Marks, verbatim = false): Span[] {
  const spans: Span[] = [];
  const search: Search = { unpartnered: new Set(), lineEnd: -1, unpartneredInLine: new Set() };
  const special = verbatim ? /[<&]/g : /[<&`*_~:]/g;
  let plain = "";
  let at = 0;
  function emit(span: Span): void {
    if (plain !== "") spans.push({ ...marks, text: plain });
    plain = "";
    spans.push(span);
  }
  while (at < text.length) {
    special.lastIndex = at;
    const next = special.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    at = next;
    if (at === text.length) break;
    const character = text.charAt(at);
    const found = search.unpartnered.has(character) ? undefined : readSpecial(text, at, names, marks, search);
    if (!found) {
      plain += character;
      at += 1;
    } else {
      if ("plain" in found) plain += found.plain;
      else for (const span of found.spans) emit(span);
      at = found.end;
    }
  }
  if (plain !== "") spans.push({ ...marks, text: plain });
  return spans;
}

/** What was looked for in vain: up to the end of the text, and up to the end of the current line. */
interface Search {
  unpartnered: Set<string>;
  lineEnd: number;
  unpartneredInLine: Set<string>;
}

type Found = ({ plain: string } | { spans: Span[] }) & { end: number };

function readSpecial(text: string, at: number, names: Names, marks: Marks, search: Search): Found | undefined {
  const character = text.charAt(at);
  switch (character) {
    case "&":
      return readEntity(text, at);
    case ":":
      return readEmoji(text, at);
    case "<": {
      const end = text.indexOf(">", at);
      if (end >= 0) return { ...readControl(text.slice(at + 1, end), names, marks), end: end + 1 };
      search.unpartnered.add(character);
      return undefined;
    }
    case "`": {
      const end = text.indexOf("`", at + 1);
      if (end > at + 1 && !text.slice(at, end).includes("\n"))
        return { spans: parseInline(text.slice(at + 1, end), names, { ...marks, code: true }, true), end: end + 1 };
      if (end < 0) search.unpartnered.add(character);
      return undefined;
    }
    default:
      return readMarked(text, at, names, marks, search);
  }
}

function readEntity(text: string, at: number): Found | undefined {
  for (const [entity, plain] of [
    ["&amp;", "&"],
    ["&lt;", "<"],
    ["&gt;", ">"],
  ] as const) {
    if (text.startsWith(entity, at)) return { plain, end: at + entity.length };
  }
  return undefined;
}

function readEmoji(text: string, at: number): Found | undefined {
  EMOJI.lastIndex = at;
  const [whole, name] = EMOJI.exec(text) ?? [];
  const emoji = name === undefined ? undefined : emojiNamed(name);
  return emoji === undefined || whole === undefined ? undefined : { plain: emoji, end: at + whole.length };
}

/** `*bold*` and its like hold only between a start and an end of words, and within a line. */
function readMarked(text: string, at: number, names: Names, marks: Marks, search: Search): Found | undefined {
  const character = text.charAt(at);
  const mark = MARK_NAMES[character];
  if (
    mark === undefined ||
    marks[mark] ||
    isWord(text.charAt(at - 1)) ||
    /^\s?$/.test(text.charAt(at + 1)) ||
    text.charAt(at + 1) === character
  )
    return undefined;
  if (at > search.lineEnd) Object.assign(search, { lineEnd: endOfLine(text, at), unpartneredInLine: new Set() });
  const { lineEnd, unpartneredInLine } = search;
  if (unpartneredInLine.has(character)) return undefined;
  for (let end = text.indexOf(character, at + 1); end >= 0 && end < lineEnd; end = text.indexOf(character, end + 1)) {
    if (/\s/.test(text.charAt(end - 1)) || isWord(text.charAt(end + 1))) continue;
    return { spans: parseInline(text.slice(at + 1, end), names, { ...marks, [mark]: true }), end: end + 1 };
  }
  unpartneredInLine.add(character);
  return undefined;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

function isWord(character: string): boolean {
  return character !== "" && /[\p{L}\p{N}]/u.test(character);
}

/** What stands between `<` and `>`: a mention, a channel, a command or a link, with a label after `|`. */
function readControl(content: string, names: Names, marks: Marks): { spans: Span[] } {
  const bar = content.indexOf("|");
  const target = bar < 0 ? content : content.slice(0, bar);
  const label = bar < 0 ? undefined : unescape(content.slice(bar + 1));
  const sign = target.charAt(0);
  if (sign === "@") return { spans: [{ ...marks, text: `@${names.person(target.slice(1), label)}` }] };
  if (sign === "#") return { spans: [{ ...marks, text: `#${names.channel(target.slice(1), label)}` }] };
  if (sign === "!") return { spans: [{ ...marks, text: commandText(target.slice(1), label, names) }] };
  const url = unescape(target);
  return { spans: [{ ...marks, text: label || url.replace(/^mailto:/, ""), url }] };
}

function commandText(command: string, label: string | undefined, names: Names): string {
  const [name = "", argument = ""] = command.split("^", 2);
  if (name === "subteam") return `@${names.group(argument, label).replace(/^@/, "")}`;
  if (name === "date") return label || names.time(argument);
  return label ?? `@${name}`;
}

function unescape(text: string): string {
  return text.includes("&") ? text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&") : text;
}
