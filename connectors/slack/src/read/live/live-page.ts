import type { FollowUp, Gap, Json, Page } from "@hansard/core";
import type { LiveCheckpoint } from "../../schema.ts";
import type { EventType } from "../event-type.ts";
import type { SlackEvent } from "../events.ts";
import type { SlackPage } from "../page.ts";

const EVENTS_PER_PAGE = 1000;

/** Collects what becomes durable together. */
export interface LivePage {
  events: SlackEvent[];
  contexts: Record<string, Json>;
  gaps: Gap[];
  closed: string[];
  /** By id: a later one replaces the earlier. */
  followUps: Map<string, FollowUp>;
  settled: Set<string>;
  readonly isFull: boolean;
  /** What was collected since the last call; undefined for nothing. */
  take(checkpoint?: LiveCheckpoint): SlackPage | undefined;
}

export function collectPage(): LivePage {
  const page: LivePage = {
    events: [],
    contexts: {},
    gaps: [],
    closed: [],
    followUps: new Map(),
    settled: new Set(),
    get isFull() {
      return page.events.length + page.followUps.size + page.settled.size >= EVENTS_PER_PAGE;
    },
    take,
  };

  function take(checkpoint?: LiveCheckpoint): SlackPage | undefined {
    const { events, contexts, gaps, closed, followUps, settled } = page;
    const isEmpty = events.length + gaps.length + closed.length + followUps.size + settled.size === 0;
    if (isEmpty && checkpoint === undefined) return undefined;
    Object.assign(page, { events: [], contexts: {}, gaps: [], closed: [], followUps: new Map(), settled: new Set() });
    const taken: Page<EventType, LiveCheckpoint> = {
      events,
      ...(Object.keys(contexts).length > 0 && { contexts }),
      ...(gaps.length > 0 && { gaps }),
      ...(closed.length > 0 && { closed }),
      ...(followUps.size > 0 && { followUps: [...followUps.values()] }),
      ...(settled.size > 0 && { settled: [...settled] }),
      ...(checkpoint !== undefined && { checkpoint }),
    };
    return taken;
  }

  return page;
}
