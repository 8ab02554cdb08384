import type { JsonObject } from "./workspace.ts";

/** The newest first, as Slack pages by time: the time of the last goes back as `latest`. */
export function pageByTime<Item>(
  items: Item[],
  timeOf: (item: Item) => string,
  { form, size, inclusive }: { form: URLSearchParams; size: number; inclusive: boolean },
): { items: Item[]; offset?: string } {
  const [latest, oldest] = [form.get("latest"), form.get("oldest")];
  const found = items
    .filter((item) => latest === null || timeOf(item) < latest || (inclusive && timeOf(item) === latest))
    .filter((item) => oldest === null || timeOf(item) > oldest)
    .sort((one, other) => (timeOf(one) < timeOf(other) ? 1 : -1));
  // A page of one that takes in its own beginning would never end.
  const page = found.slice(0, inclusive ? Math.max(size, 2) : size);
  const last = page.at(-1);
  return found.length > page.length && last ? { items: page, offset: timeOf(last) } : { items: page };
}

export function pageByNumber<Item>(items: Item[], form: URLSearchParams, name: "offset" | "cursor", size: number) {
  const from = Number(form.get(name)?.replace(/^next:/, "") ?? 0);
  const page = items.slice(from, from + size);
  const next = from + size < items.length ? `next:${from + size}` : "";
  return { items: page, next };
}

export function withCursor(answer: JsonObject, next: string): JsonObject {
  return { ...answer, has_more: next !== "", response_metadata: { next_cursor: next } };
}
