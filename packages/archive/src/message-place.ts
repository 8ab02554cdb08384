import type { Database } from "./database.ts";

/** How many messages of one second have a place in it. More would widen every posting of the index. */
export const PLACES_PER_SECOND = 256;

const REMEMBERED_SECONDS = 50_000;

/** The first id that a message of this time can have. */
export function firstPlace(dateMs: number): number {
  return Math.floor(dateMs / 1000) * PLACES_PER_SECOND;
}

/** Hands out message ids. See the schema in `truth.ts`. */
export class Places {
  readonly #database: Database;
  /** Second → the id that is probably free next. */
  readonly #next = new Map<number, number>();
  #spill = 0;
  #storedSpill = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#spill = this.#storedSpill = spillOf(database);
  }

  /** An id for a message of this time. It may be taken by another process's message; then ask `freeFrom`. */
  propose(dateMs: number): number {
    return this.#next.get(Math.floor(dateMs / 1000)) ?? firstPlace(dateMs);
  }

  /** The first id from `place` on that no message has. */
  freeFrom(place: number): number {
    const taken = this.#database.statement("SELECT 1 FROM message WHERE id = ?").get(place) !== undefined;
    if (!taken) return place;
    const row = this.#database
      .statement(
        "SELECT id + 1 AS place FROM message AS one WHERE id >= ? AND NOT EXISTS (SELECT 1 FROM message WHERE id = one.id + 1) ORDER BY id LIMIT 1",
      )
      .get(place);
    return Number(row?.["place"]);
  }

  /** Notes that a message of this time has got this id. */
  take(dateMs: number, place: number): void {
    const second = Math.floor(dateMs / 1000);
    if (this.#next.size >= REMEMBERED_SECONDS) this.#next.clear();
    this.#next.set(second, place + 1);
    this.#spill = Math.max(this.#spill, Math.floor(place / PLACES_PER_SECOND) - second);
  }

  /** Writes down how far messages have spilled, within the transaction that stores them. */
  storeSpill(): void {
    if (this.#spill <= this.#storedSpill) return;
    this.#database.statement("UPDATE meta SET value = max(value, ?) WHERE name = 'spill'").run(this.#spill);
    this.#storedSpill = this.#spill;
  }
}

/** How many seconds behind its own a message may have its place. */
export function spillOf(database: Database): number {
  return database.number("SELECT value FROM meta WHERE name = 'spill'");
}
