import type { Page, ReadContext, SourceContext } from "@hansard/core";
import type { events } from "../map.ts";
import type { Checkpoint, Settings } from "../schema.ts";

export type TwitterContext = SourceContext<Settings>;
export type TwitterReadContext = ReadContext<Settings, Checkpoint>;
export type EventType = Extract<keyof typeof events, string>;
export type TwitterPage = Page<EventType, Checkpoint>;
export type Pages = AsyncGenerator<TwitterPage>;

/** What a page carries, as it comes together. */
export type Gathered = Required<Pick<TwitterPage, "events" | "contexts" | "followUps" | "gaps" | "settled" | "closed">>;

export function gather(): Gathered {
  return { events: [], contexts: {}, followUps: [], gaps: [], settled: [], closed: [] };
}
