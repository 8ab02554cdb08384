import type { Json } from "@hansard/core";
import { listAt, numberAt, objectAt, stringAt } from "../schema/json.ts";
import { showEmoji } from "./emoji.ts";
import type { Names } from "./names.ts";
import type { Block, Span } from "./rich.ts";

/** Shows what Slack's own editor makes: sections, lists, quotes and code. */
export function richElements(elements: Json[], names: Names): Block[] {
  return elements.flatMap((element): Block[] => {
    const children = listAt(element, "elements");
    switch (stringAt(element, "type")) {
      case "rich_text_section":
        return paragraphOf(children, names);
      case "rich_text_quote":
        return [{ kind: "quote", blocks: paragraphOf(children, names) }];
      case "rich_text_preformatted":
        return [
          {
            kind: "code",
            text: inlineSpans(children, names)
              .map(({ text }) => text)
              .join(""),
          },
        ];
      case "rich_text_list":
        return [
          {
            kind: "list",
            ordered: stringAt(element, "style") === "ordered",
            start: (numberAt(element, "offset") ?? 0) + 1,
            indent: Math.min(Math.max(Math.trunc(numberAt(element, "indent") ?? 0), 0), 8),
            items: children.map((item) => inlineSpans(listAt(item, "elements"), names)),
          },
        ];
      default:
        return paragraphOf([element], names);
    }
  });
}

function paragraphOf(elements: Json[], names: Names): Block[] {
  const spans = inlineSpans(elements, names);
  const last = spans.at(-1);
  // A section before a list ends with the break that the list makes anyway.
  if (last?.text.endsWith("\n")) spans[spans.length - 1] = { ...last, text: last.text.slice(0, -1) };
  return spans.some(({ text }) => text !== "") ? [{ kind: "paragraph", spans }] : [];
}

function inlineSpans(elements: Json[], names: Names): Span[] {
  return elements.map((element) => {
    const style = objectAt(element, "style");
    const span: Span = { text: inlineText(element, names) };
    for (const mark of ["bold", "italic", "strike", "code"] as const) if (style?.[mark] === true) span[mark] = true;
    const url = stringAt(element, "url");
    if (url) span.url = url;
    return span;
  });
}

function inlineText(element: Json, names: Names): string {
  const named = (name: string): string => stringAt(element, name) ?? "";
  switch (named("type")) {
    case "emoji": {
      const tone = numberAt(element, "skin_tone");
      return showEmoji(tone === undefined ? named("name") : `${named("name")}::skin-tone-${tone}`);
    }
    case "user":
      return `@${names.person(named("user_id"))}`;
    case "usergroup":
      return `@${names.group(named("usergroup_id")).replace(/^@/, "")}`;
    case "channel":
      return `#${names.channel(named("channel_id"))}`;
    case "broadcast":
      return `@${named("range")}`;
    case "date":
      return named("fallback") || names.time(String(numberAt(element, "timestamp") ?? ""));
    case "link":
      return named("text") || named("url");
    default:
      return named("text") || named("fallback") || named("value");
  }
}
