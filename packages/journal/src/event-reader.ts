import type { Json, SourceEvent } from "@hansard/core";
import type { JournalEvent, TakenEvents } from "@hansard/core/ingestion";
import type { JournalDatabase, Row } from "./database.ts";
import type { Log } from "./log.ts";

const CONTEXTS_IN_MEMORY = 256;

/** Reads events back from their pages, with their contexts. A context is parsed once however many events share it. */
export class EventReader {
  readonly #database: JournalDatabase;
  readonly #log: Log;
  /** By source and name. */
  readonly #contexts = new Map<number, Map<string, Json>>();
  readonly #sources = new Map<number, string>();

  constructor(database: JournalDatabase, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** The source's next events after `after`, at most `limit`. */
  after(source: number, after: number, limit: number): TakenEvents {
    const pages = this.#database.all(
      "SELECT * FROM page WHERE source = ? AND last > ? ORDER BY last LIMIT ?",
      source,
      after,
      limit,
    );
    const stretches: { page: Row; first: number; last: number }[] = [];
    let length = 0;
    for (const page of pages) {
      const first = Math.max(Number(page["first"]), after + 1);
      const last = Math.min(Number(page["last"]), first + limit - length - 1);
      stretches.push({ page, first, last });
      length += last - first + 1;
      if (length >= limit) break;
    }
    const event = (page: Row, seq: number) => this.#event(page, seq);
    return {
      length,
      last: stretches.at(-1)?.last ?? 0,
      *[Symbol.iterator]() {
        for (const { page, first, last } of stretches)
          for (let seq = first; seq <= last; seq += 1) yield event(page, seq);
      },
    };
  }

  /** One event by its number. */
  at(seq: number): JournalEvent {
    const page = this.#database.get("SELECT * FROM page WHERE last >= ? ORDER BY last LIMIT 1", seq);
    if (!page || Number(page["first"]) > seq) throw new Error(`The journal has no event ${seq}. Run "hansard verify".`);
    return this.#event(page, seq);
  }

  #event(page: Row, seq: number): JournalEvent {
    const line = this.#log.body(Number(page["entry"])).line(Number(page["line"]) + seq - Number(page["first"]));
    if (line === undefined)
      throw new Error(`Event ${seq} is missing from journal entry ${page["entry"]}. Run "hansard verify".`);
    const {
      type,
      key,
      version = "",
      occurredAt,
      data,
      context = {},
      attachments = [],
    } = JSON.parse(line) as SourceEvent;
    const source = Number(page["source"]);
    const resolved: Record<string, Json> = {};
    for (const name of Object.keys(context)) resolved[name] = this.#context(source, context[name] ?? "");
    return { seq, source: this.#name(source), type, key, version, occurredAt, data, context: resolved, attachments };
  }

  #context(source: number, name: string): Json {
    const contexts = this.#contexts.get(source) ?? new Map<string, Json>();
    const known = contexts.get(name);
    if (known !== undefined) return known;
    this.#contexts.set(source, contexts);
    const row = this.#database.get("SELECT entry, line FROM context WHERE source = ? AND name = ?", source, name);
    const line = row && this.#log.body(Number(row["entry"])).line(Number(row["line"]));
    if (!line)
      throw new Error(`The journal lacks the context "${name}" that an event refers to. Run "hansard verify".`);
    const [, value] = JSON.parse(line) as [string, Json];
    contexts.set(name, value);
    for (const oldest of contexts.keys()) {
      if (contexts.size <= CONTEXTS_IN_MEMORY) break;
      contexts.delete(oldest);
    }
    return value;
  }

  #name(source: number): string {
    let name = this.#sources.get(source);
    if (name === undefined) {
      name = String(this.#database.get("SELECT name FROM source WHERE id = ?", source)?.["name"]);
      this.#sources.set(source, name);
    }
    return name;
  }
}
