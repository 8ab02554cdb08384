import { createHash } from "node:crypto";
import {
  type BlobReference,
  type BlobWriter,
  type CapturedEvent,
  type Exclusion,
  type FollowUp,
  type Gap,
  type Json,
  type KnownEvent,
  type Page,
  type ReadContext,
  type SourceEvent,
  UnexpectedResponseError,
} from "@hansard/core";

/** What a journal gives a read of a partition. The checkpoint is as it was stored: parse it as a runner does. */
export type JournalPosition = Pick<ReadContext<unknown, unknown>, "followUps" | "blobs" | "captured" | "state"> & {
  checkpoint: Json | undefined;
};

/**
 * A journal in memory, for a connector's own tests of what it captures: thousands of reads in a second, where the
 * conformance suite proves the real one. What one page carries becomes durable at once or not at all, and a page that
 * refers to a context or a claim that no page carried is refused.
 */
export class MemoryJournal {
  /** Key, a line feed, and version → the event as it was captured first. */
  readonly events = new Map<string, SourceEvent>();
  readonly contexts = new Map<string, Json>();
  /** The gaps that are open. */
  readonly gaps = new Map<string, Gap>();
  readonly exclusions = new Map<string, Exclusion>();
  /** Claim → how many events it says there are, and which were captured. */
  readonly claims = new Map<string, { events: number; captured: Set<string> }>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly state = new Map<string, string>();
  /** By partition. */
  readonly checkpoints = new Map<string, Json>();
  readonly followUps = new Map<string, Map<string, FollowUp>>();
  /** How many pages were appended. */
  pages = 0;
  #sorted: KnownEvent[] | undefined;

  /** Takes a page, and gives how many of its events are new. */
  append(partition: string, page: Page<string, unknown>): number {
    this.pages += 1;
    for (const [id, value] of Object.entries(page.contexts ?? {}))
      if (!this.contexts.has(id)) this.contexts.set(id, asStored(value));
    for (const { id, events } of page.claims ?? [])
      this.claims.set(id, { events, captured: this.claims.get(id)?.captured ?? new Set() });
    const added = page.events.filter((event) => this.#record(event)).length;
    const owed = this.followUps.get(partition) ?? new Map<string, FollowUp>();
    this.followUps.set(partition, owed);
    for (const followUp of page.followUps ?? []) owed.set(followUp.id, asStored(followUp));
    for (const id of page.settled ?? []) owed.delete(id);
    for (const gap of page.gaps ?? []) this.gaps.set(gap.id, gap);
    for (const id of page.closed ?? []) this.gaps.delete(id);
    for (const exclusion of page.exclusions ?? []) this.exclusions.set(exclusion.id, exclusion);
    if (page.checkpoint === undefined) return added;
    const checkpoint: Json = JSON.parse(JSON.stringify(page.checkpoint));
    this.checkpoints.set(partition, checkpoint);
    return added;
  }

  /** What a read of the partition that starts at that time is given. */
  position(partition: string, startedAt: Date): JournalPosition {
    const owed = [...(this.followUps.get(partition)?.values() ?? [])];
    return {
      checkpoint: this.checkpoints.get(partition),
      followUps: owed.filter(({ dueAt }) => dueAt === undefined || Date.parse(dueAt) <= startedAt.getTime()),
      blobs: { put: (content, options) => this.#put(content, options) },
      captured: (range) => this.captured(range),
      state: {
        get: async (name) => this.state.get(name),
        put: async (name, value) => void this.state.set(name, value),
      },
    };
  }

  /** The events with `from <= key < to`, in the order of their keys. */
  async *captured({ from, to }: { from: string; to: string }): AsyncGenerator<KnownEvent> {
    this.#sorted ??= [...this.events.values()]
      .map(({ key, version = "", type }) => ({ key, version, type }))
      .sort((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key)));
    // Pages that come while this is read make a new list.
    const view = this.#sorted;
    for (let at = firstFrom(view, from); at < view.length; at += 1) {
      const event = view[at];
      if (!event || event.key >= to) return;
      yield event;
    }
  }

  /** Events as a mapping receives them. */
  capturedEvents(): CapturedEvent[] {
    return [...this.events.values()].map(
      ({ version = "", context = {}, attachments = [], claim: _claim, ...event }): CapturedEvent => ({
        ...event,
        version,
        attachments,
        context: Object.fromEntries(
          Object.entries(context).map(([name, id]): [string, Json] => [name, this.contexts.get(id) ?? null]),
        ),
      }),
    );
  }

  /** Claims that do not balance → how many events are missing from captured, excluded and gaps together. */
  unaccounted(): Record<string, number> {
    const rest: [string, number][] = [...this.claims].map(([id, { events, captured }]) => [
      id,
      events - captured.size - countOf(this.gaps, id) - countOf(this.exclusions, id),
    ]);
    return Object.fromEntries(rest.filter(([, events]) => events !== 0));
  }

  #record(event: SourceEvent): boolean {
    const id = `${event.key}\n${event.version ?? ""}`;
    for (const context of Object.values(event.context ?? {}))
      if (!this.contexts.has(context))
        throw new Error(`${id} refers to the context ${context}, which no page carried.`);
    if (event.claim !== undefined) {
      const claim = this.claims.get(event.claim);
      if (!claim) throw new Error(`${id} refers to the claim ${event.claim}, which no page made.`);
      claim.captured.add(id);
    }
    if (this.events.has(id)) return false;
    this.events.set(id, asStored(event));
    this.#sorted = undefined;
    return true;
  }

  async #put(
    content: AsyncIterable<Uint8Array> | Uint8Array,
    { maxBytes = Number.POSITIVE_INFINITY }: Parameters<BlobWriter["put"]>[1] = {},
  ): Promise<BlobReference> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new UnexpectedResponseError(`The content is longer than ${maxBytes} bytes.`);
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    this.blobs.set(sha256, bytes);
    return { sha256, size };
  }
}

function firstFrom(sorted: KnownEvent[], from: string): number {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.key ?? "") < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countOf(entries: Map<string, Gap | Exclusion>, claimed: string): number {
  return [...entries.values()].reduce((sum, { claim, events }) => sum + (claim === claimed ? events : 0), 0);
}

/** What a journal keeps is JSON, and nobody else's. */
function asStored<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
