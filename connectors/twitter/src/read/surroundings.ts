import { createHash } from "node:crypto";
import type { Json } from "@hansard/core";
import { z } from "zod";
import type { ListAnswer, Problem } from "../schema/answer.ts";
import { Media } from "../schema/post.ts";
import type { Gathered } from "./context.ts";

/** What an answer brings beside its items, by id. */
export interface Surroundings {
  users: Map<string, Json>;
  posts: Map<string, Json>;
  media: Map<string, Json>;
  polls: Map<string, Json>;
  /** Why something that was referred to is not there. */
  problems: Map<string, Problem>;
}

const Identified = z.looseObject({ id: z.string() });
const Keyed = z.looseObject({ media_key: z.string() });

export function surroundingsOf({ includes, errors }: ListAnswer): Surroundings {
  return {
    users: byId(includes.users),
    posts: byId([...includes.tweets, ...includes.posts]),
    media: new Map(includes.media.flatMap((raw): [string, Json][] => entry(Keyed.safeParse(raw).data?.media_key, raw))),
    polls: byId(includes.polls),
    problems: new Map(
      errors.flatMap((problem): [string, Problem][] => entry(problem.resource_id ?? problem.value, problem)),
    ),
  };
}

export function mergeSurroundings(target: Surroundings, more: Surroundings): void {
  for (const name of ["users", "posts", "media", "polls"] as const)
    for (const [id, raw] of more[name]) target[name].set(id, raw);
  for (const [id, problem] of more.problems) target.problems.set(id, problem);
}

function byId(items: Json[]): Map<string, Json> {
  return new Map(items.flatMap((raw): [string, Json][] => entry(Identified.safeParse(raw).data?.id, raw)));
}

function entry<Value>(id: string | undefined, value: Value): [string, Value][] {
  return id === undefined ? [] : [[id, value]];
}

/** The contexts of one event, stored in the page under ids that name their content. */
export function contextWriter(page: Gathered): {
  names: Record<string, string>;
  add(name: string, content: Json | undefined): void;
} {
  const names: Record<string, string> = {};
  return {
    names,
    add(name, content) {
      if (content === undefined) return;
      const kind = name.split(":", 1)[0] ?? name;
      const id = `${kind}:${createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 40)}`;
      page.contexts[id] = content;
      names[name] = id;
    },
  };
}

export function mediaOf({ media }: Surroundings, key: string): Media | undefined {
  return Media.safeParse(media.get(key)).data;
}
