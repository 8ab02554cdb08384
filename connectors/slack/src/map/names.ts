import type { CapturedEvent, Json } from "@hansard/core";
import { isObject, stringAt } from "../schema/json.ts";

/** Names for the ids in a message, from the contexts that were captured with it. */
export interface Names {
  person(id: string, fallback?: string): string;
  channel(id: string, fallback?: string): string;
  group(id: string, fallback?: string): string;
  /** Seconds since 1970 as people read them, always in UTC. */
  time(seconds: string): string;
}

export function namesOf({ context }: Pick<CapturedEvent, "context">): Names {
  const { people, channels, groups } = context;
  return {
    person: (id, fallback) => stringAt(at(people, id), "name") ?? fallback ?? (id === "USLACKBOT" ? "Slackbot" : id),
    channel: (id, fallback) => textAt(channels, id) ?? (fallback || id),
    group: (id, fallback) => textAt(groups, id) ?? fallback ?? id,
    time: showTime,
  };
}

export function showTime(seconds: string): string {
  const milliseconds = Math.floor(Number(seconds) * 1000);
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) return seconds;
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Own properties alone: an id may be the name of anything. */
export function at(context: Json | undefined, id: string): Json | undefined {
  return isObject(context) && Object.hasOwn(context, id) ? context[id] : undefined;
}

function textAt(context: Json | undefined, id: string): string | undefined {
  const found = at(context, id);
  return typeof found === "string" ? found : undefined;
}
