import { type Faults, pageSize } from "./faults.ts";
import { invalid } from "./parameters.ts";
import type { Random } from "../../random.ts";

interface Request {
  view: { query: URLSearchParams };
  faults: Faults;
  random: Random;
}

/** A page names the item that it ended with: what comes or goes meanwhile moves nothing. */
export function cut<Item>(
  { view, faults, random }: Request,
  all: Item[],
  idOf: (item: Item) => string,
): { items: Item[]; meta: Record<string, unknown> } {
  const asked = Number(view.query.get("max_results") ?? "10");
  const name = view.query.has("next_token") ? "next_token" : "pagination_token";
  const token = view.query.get(name);
  const start = token === null ? 0 : startOf(all.map(idOf), token, name, random.chance(faults.expiredToken));
  const items = all.slice(start, start + pageSize(faults, random, asked));
  const end = start + items.length;
  const more = end < all.length;
  const next = items.at(-1);
  const position = next === undefined ? (token === null ? "start" : decode(token)) : idOf(next);
  return {
    items,
    meta: {
      result_count: items.length,
      ...(more && { next_token: Buffer.from(`page:${position}`).toString("base64url") }),
    },
  };
}

function startOf(ids: string[], token: string, name: string, expired: boolean): number {
  const position = decode(token);
  if (position === undefined || expired) {
    throw invalid([
      { parameters: { [name]: [token] }, message: `The \`${name}\` query parameter value [${token}] is not valid` },
    ]);
  }
  if (position === "start") return 0;
  const index = ids.indexOf(position);
  if (index >= 0) return index + 1;
  const below = ids.findIndex((id) => BigInt(id) < BigInt(position));
  return below < 0 ? ids.length : below;
}

function decode(token: string): string | undefined {
  return /^page:(start|\d+)$/.exec(Buffer.from(token, "base64url").toString())?.[1];
}
