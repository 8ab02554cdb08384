import type { Claim, Exclusion, FollowUp, Gap, Json, Page } from "@hansard/core";
import type { Checkpoint, ExportCheckpoint, ReadDay } from "../schema.ts";
import type { EventType } from "./event-type.ts";
import type { SlackEvent } from "./events.ts";

export type SlackPage = Page<EventType, Checkpoint>;

/** Collects what becomes durable together. */
export interface PageDraft {
  add(event: SlackEvent, bytes: number): void;
  gap(gap: Gap): void;
  exclude(exclusion: Exclusion): void;
  /** A later claim of the same id replaces the earlier one. */
  claim(claim: Claim): void;
  close(gapIds: string[]): void;
  owe(followUp: FollowUp): void;
  settle(followUpId: string): void;
  /** Whether the follow-up was owed or settled in this read. */
  knows(followUpId: string): boolean;
  /** A file of a unit that was missing is there: its gap is closed. */
  found(unit: string, gapId: string): void;
  /** A unit is read whole. From the next page on that bears a checkpoint, it is not read again. */
  finish(unit: string, day: ReadDay): void;
  forget(unit: string): void;
  readonly contexts: Record<string, Json>;
  readonly isFull: boolean;
  /** What was collected since the last call, or undefined for nothing. */
  take(options?: { last?: boolean }): SlackPage | undefined;
}

const EVENTS_PER_PAGE = 1000;
const BYTES_PER_PAGE = 8 * 1024 * 1024;
/** A checkpoint names every day of a conversation. Where that is long, not every page bears it. */
const LEDGER_LINES_PER_PAGE = 2000;

export function draftPages(from: ExportCheckpoint | undefined, workspaceGaps: Gap[]): PageDraft {
  const days: Record<string, ReadDay> = { ...from?.days };
  const gapIds = workspaceGaps.map(({ id }) => id);
  const earlierGaps = from?.gaps ?? [];
  let ledgerLines = Object.values(days).reduce((sum, day) => sum + linesOf(day), 0);
  let changed = !sameIds(gapIds, earlierGaps);
  let pagesSinceCheckpoint = 0;
  let page = emptyPage();
  let bytes = 0;
  page.gaps = workspaceGaps.filter(({ id }) => !earlierGaps.includes(id));
  page.closed = earlierGaps.filter((id) => !gapIds.includes(id));
  for (const { claim, events } of page.gaps) if (claim !== undefined) page.claims.set(claim, { id: claim, events });

  function take({ last = false } = {}): SlackPage | undefined {
    const due = changed && (last || pagesSinceCheckpoint >= ledgerLines / LEDGER_LINES_PER_PAGE);
    const taken = compact({ ...page, claims: [...page.claims.values()] });
    const isEmpty = Object.keys(taken).length === 1 && taken.events.length === 0;
    if (isEmpty && !due) return undefined;
    pagesSinceCheckpoint = due ? 0 : pagesSinceCheckpoint + 1;
    if (due) taken.checkpoint = { mode: "export", days: { ...days }, gaps: gapIds };
    if (due) changed = false;
    [page, bytes] = [emptyPage(), 0];
    return taken;
  }

  return {
    add(event, size) {
      page.events.push(event);
      bytes += size;
    },
    gap: (gap) => void page.gaps.push(gap),
    exclude: (exclusion) => void page.exclusions.push(exclusion),
    claim: (claim) => void page.claims.set(claim.id, claim),
    close: (ids) => void page.closed.push(...ids),
    ...collectOwed(() => page),
    found(unit, gapId) {
      const day = days[unit];
      if (!day?.missing?.includes(gapId)) return;
      days[unit] = { ...day, missing: day.missing.filter((id) => id !== gapId) };
      changed = true;
    },
    finish(unit, day) {
      days[unit] = day;
      ledgerLines += linesOf(day);
      changed = true;
    },
    forget(unit) {
      delete days[unit];
      changed = true;
    },
    get contexts() {
      return page.contexts;
    },
    get isFull() {
      return page.events.length + page.followUps.size >= EVENTS_PER_PAGE || bytes >= BYTES_PER_PAGE;
    },
    take,
  };
}

function collectOwed(page: () => Collected): Pick<PageDraft, "owe" | "settle" | "knows"> {
  const known = new Set<string>();
  return {
    owe(followUp) {
      known.add(followUp.id);
      page().settled.delete(followUp.id);
      page().followUps.set(followUp.id, followUp);
    },
    settle(id) {
      known.add(id);
      page().followUps.delete(id);
      page().settled.add(id);
    },
    knows: (id) => known.has(id),
  };
}

function sameIds(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}

interface Collected {
  events: SlackEvent[];
  contexts: Record<string, Json>;
  gaps: Gap[];
  exclusions: Exclusion[];
  claims: Map<string, Claim>;
  closed: string[];
  followUps: Map<string, FollowUp>;
  settled: Set<string>;
}

function emptyPage(): Collected {
  return {
    events: [],
    contexts: {},
    gaps: [],
    exclusions: [],
    claims: new Map(),
    closed: [],
    followUps: new Map(),
    settled: new Set(),
  };
}

function compact({
  events,
  contexts,
  gaps,
  exclusions,
  claims,
  closed,
  followUps,
  settled,
}: Omit<Collected, "claims"> & { claims: Claim[] }): SlackPage {
  return {
    events,
    ...(Object.keys(contexts).length > 0 && { contexts }),
    ...(gaps.length > 0 && { gaps }),
    ...(exclusions.length > 0 && { exclusions }),
    ...(claims.length > 0 && { claims }),
    ...(closed.length > 0 && { closed }),
    ...(followUps.size > 0 && { followUps: [...followUps.values()] }),
    ...(settled.size > 0 && { settled: [...settled] }),
  };
}

function linesOf({ reactions = {}, missing = [] }: ReadDay): number {
  return 3 + Object.keys(reactions).length + missing.length;
}
