import { setTimeout as sleep } from "node:timers/promises";
import type { DestinationLimits } from "./destination.ts";

/** What lanes and chunks need to know of a delivery. */
interface Sized {
  delivery: { mailbox: string; mail: { size: number } };
}

/** Deliveries in their order, as many together as one `submit` takes. */
export function inChunks<Item extends Sized>(
  items: Item[],
  { batchDeliveries, batchBytes }: Pick<DestinationLimits, "batchDeliveries" | "batchBytes">,
): Item[][] {
  const chunks: Item[][] = [];
  let [chunk, bytes]: [Item[], number] = [[], 0];
  for (const item of items) {
    if (chunk.length > 0 && (chunk.length >= batchDeliveries || bytes + item.delivery.mail.size > batchBytes)) {
      chunks.push(chunk);
      [chunk, bytes] = [[], 0];
    }
    chunk.push(item);
    bytes += item.delivery.mail.size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

/**
 * A lane for each mailbox. What must be looked for before it is written comes last: meanwhile it has its time to appear, and
 * what is surely not there need not wait for it.
 */
export function lanesOf<Item extends Sized>(
  fresh: Item[],
  doubtful: Item[],
  limits: Pick<DestinationLimits, "batchDeliveries" | "batchBytes">,
): { items: Item[]; isDoubtful: boolean }[][] {
  const lanes = new Map<string, { items: Item[]; isDoubtful: boolean }[]>();
  for (const [all, isDoubtful] of [[fresh, false] as const, [doubtful, true] as const]) {
    for (const [mailbox, items] of Map.groupBy(all, ({ delivery }) => delivery.mailbox)) {
      const chunks = inChunks(items, limits).map((chunk) => ({ items: chunk, isDoubtful }));
      lanes.set(mailbox, [...(lanes.get(mailbox) ?? []), ...chunks]);
    }
  }
  return [...lanes.values()];
}

/** Waits, or until the signal ends it. */
export type Rest = (ms: number, signal: AbortSignal) => Promise<void>;

/**
 * Works through lanes fairly, one chunk of each in turn, within the limits of all and of each. What rests keeps its place in
 * its lane, but not among all: a mailbox that is waited for holds up no other.
 */
export async function inLanes<Chunk>(
  lanes: Chunk[][],
  concurrency: number,
  perLane: number,
  work: (chunk: Chunk, rest: Rest) => Promise<void>,
): Promise<void> {
  const places = new Places(concurrency);
  let failure: { error: unknown } | undefined;
  async function worker(chunks: Chunk[]): Promise<void> {
    while (chunks.length > 0 && !failure) {
      await places.enter();
      const chunk = failure ? undefined : chunks.shift();
      try {
        if (chunk !== undefined) await work(chunk, (ms, signal) => places.rest(ms, signal));
      } catch (error) {
        failure ??= { error };
      }
      places.leave();
    }
  }
  const rounds = Array.from({ length: perLane }, () => lanes);
  await Promise.all(rounds.flatMap((round) => round.map(worker)));
  if (failure) throw failure.error;
}

/** As many as may work at once; the others wait in their order. */
class Places {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((go) => this.#waiting.push(go));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }

  /** Whoever comes back goes before all who have not begun. */
  async rest(ms: number, signal: AbortSignal): Promise<void> {
    this.leave();
    await atRest(ms, signal);
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((go) => this.#waiting.unshift(go));
  }
}

/** Where nobody else waits for the place. */
export async function atRest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
