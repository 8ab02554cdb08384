import type { Json, Page, SourceEvent } from "@hansard/core";
import type { Checkpoint, Owed } from "../schema.ts";
import type { EventType } from "../map.ts";
import { type Context, partGapId, partGaps, type Resolved } from "./surroundings.ts";

export type BloombergEvent = SourceEvent<EventType>;
export type BloombergPage = Page<EventType, Checkpoint>;

const EVENTS_A_PAGE = 100;
const CHARACTERS_A_PAGE = 8 * 1024 ** 2;
const CONTEXTS_REMEMBERED = 20_000;

/** Gathers events into pages of bearable size. It lives as long as one batch. */
export class PageWriter {
  #page: BloombergPage = { events: [] };
  #size = 0;
  readonly #sent = new Set<string>();
  /** Events that follow each other often share them. */
  #last: Context[] = [];

  /** Adds an event, and says what it lacks: in the books as a gap, and as a follow-up, so that it is joined when it comes. */
  add(resolved: Resolved, group: string): BloombergPage | undefined {
    const { event, contexts, missing } = resolved;
    this.#page.events.push(event);
    if (contexts !== this.#last) for (const context of contexts) this.#context(context);
    this.#last = contexts;
    if (missing.files.length > 0 || missing.disclaimer !== undefined) {
      (this.#page.gaps ??= []).push(...partGaps(resolved));
      (this.#page.followUps ??= []).push({ id: `owed:${event.key}`, data: owedData(missing, group) });
    }
    this.#size += 500;
    return this.#isFull() ? this.take() : undefined;
  }

  /** Adds the new version of an event that lacked parts before, with what is settled by it. */
  mend(resolved: Resolved, before: Owed): BloombergPage | undefined {
    const { event, missing } = resolved;
    const closed = before.files
      .filter((name) => !missing.files.includes(name))
      .map((name) => partGapId(event.key, name));
    if (before.disclaimer !== undefined && missing.disclaimer === undefined) {
      closed.push(partGapId(event.key, `disclaimer ${before.disclaimer}`));
    }
    (this.#page.closed ??= []).push(...closed);
    if (missing.files.length === 0 && missing.disclaimer === undefined)
      (this.#page.settled ??= []).push(`owed:${event.key}`);
    return this.add(resolved, before.group);
  }

  /** What was gathered so far, to be completed and handed over. */
  take(): BloombergPage {
    const page = this.#page;
    this.#page = { events: [] };
    this.#size = 0;
    return page;
  }

  #context({ id, json }: Context): void {
    if (this.#sent.has(id)) return;
    if (this.#sent.size >= CONTEXTS_REMEMBERED) this.#sent.clear();
    this.#sent.add(id);
    (this.#page.contexts ??= {})[id] = json;
    this.#size += JSON.stringify(json).length;
  }

  #isFull(): boolean {
    return this.#page.events.length >= EVENTS_A_PAGE || this.#size >= CHARACTERS_A_PAGE;
  }
}

function owedData({ files, disclaimer }: Resolved["missing"], group: string): Json {
  const owed = { kind: "parts", group, files };
  return disclaimer === undefined ? owed : { ...owed, disclaimer };
}
