import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type FollowUp, type Json, type KnownEvent, type Page, SettingsError } from "@hansard/core";
import type {
  AppendResult,
  GapEntry,
  Hold,
  Intent,
  Journal,
  JournalEntry,
  JournalEvent,
  OpenIntent,
  QuarantineEntry,
  Settlement,
  SourceBooks,
  SourceStatus,
  Trace,
  UnmappedPerson,
  VerifyResult,
  WaitingGroup,
  WithdrawnCopy,
} from "@hansard/core/ingestion";
import { BlobStore } from "./blobs.ts";
import { readBooks, readStatus } from "./books.ts";
import { appendPage, readKnown, readPosition } from "./capture.ts";
import { JournalDatabase } from "./database.ts";
import {
  type Route,
  readClosedGroups,
  readOpenIntents,
  readTraces,
  recordHold,
  recordIntent,
  recordSettlement,
  recordSubmitted,
  recordWithdrawal,
} from "./delivery.ts";
import { EventReader } from "./event-reader.ts";
import { readGaps, readQuarantine, readUnmapped } from "./lists.ts";
import { Log, readEntries } from "./log.ts";
import { verifyJournal } from "./verify.ts";

/** Opens the journal in `folder`, making it where there is none. One process may write at a time; others may read. */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true });
  return new SqliteJournal(folder);
}

interface Appending {
  source: string;
  partition: string;
  page: Page;
  at: number;
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

class SqliteJournal implements Journal {
  readonly blobs: BlobStore;
  readonly installation: Journal["installation"];
  readonly #database: JournalDatabase;
  readonly #log: Log;
  readonly #reader: EventReader;
  readonly #appending: Appending[] = [];

  constructor(folder: string) {
    this.#database = new JournalDatabase(join(folder, "journal.db"));
    this.#log = new Log(this.#database);
    this.blobs = new BlobStore(this.#database, join(folder, "blobs"));
    this.#reader = new EventReader(this.#database, this.#log);
    this.installation = this.#database.installation;
  }

  async openSource({ id, connector, version }: { id: string; connector: string; version: string }): Promise<void> {
    this.#database.run(
      "INSERT INTO source (name, connector, version) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET connector = excluded.connector, version = excluded.version",
      id,
      connector,
      version,
    );
  }

  async position(source: string, partition: string, now: Date): Promise<{ checkpoint?: Json; followUps: FollowUp[] }> {
    return readPosition(this.#database, this.#sourceId(source), partition, now.getTime());
  }

  /** Pages that come at the same time, from partitions that are read side by side, share one transaction. */
  append(source: string, partition: string, page: Page, now: Date): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      if (this.#appending.length === 0) setImmediate(() => this.#appendAll());
      this.#appending.push({ source, partition, page, at: now.getTime(), resolve, reject });
    });
  }

  captured(source: string, range: { from: string; to: string }): AsyncIterable<KnownEvent> {
    return readKnown(this.#database, this.#sourceId(source), range);
  }

  async state(source: string, name: string): Promise<string | undefined> {
    const value = this.#database.get(
      "SELECT value FROM state WHERE source = ? AND name = ?",
      this.#sourceId(source),
      name,
    )?.["value"];
    return typeof value === "string" ? value : undefined;
  }

  async setState(source: string, name: string, value: string): Promise<void> {
    this.#database.run("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", this.#sourceId(source), name, value);
  }

  async take(source: string, destination: string, limit: number): Promise<JournalEvent[]> {
    const { source: id, destination: to } = this.#route(source, destination);
    return this.#reader.after(
      id,
      this.#database.number("SELECT seq FROM cursor WHERE source = ? AND destination = ?", id, to),
      limit,
    );
  }

  async events(seqs: number[]): Promise<JournalEvent[]> {
    return seqs.map((seq) => this.#reader.at(seq));
  }

  async wait({ source, destination, takenThrough, events, quarantined }: Hold, now: Date): Promise<void> {
    const to = this.#route(source, destination);
    this.#write(() => recordHold(this.#database, this.#log, to, takenThrough, events, quarantined, now.getTime()));
  }

  async closedGroups(source: string, destination: string, now: Date, limit: number): Promise<WaitingGroup[]> {
    return readClosedGroups(this.#database, this.#route(source, destination), now.getTime(), limit);
  }

  async intend(
    intent: Intent,
    followSingly: boolean,
    now: Date,
    before?: { intent: number; settlements: Settlement[] },
  ): Promise<number> {
    const to = this.#route(intent.source, intent.destination);
    return this.#write(() => {
      if (before) recordSettlement(this.#database, this.#log, before.intent, before.settlements, now.getTime());
      return recordIntent(this.#database, this.#log, to, intent, followSingly, now.getTime());
    });
  }

  async openIntents(source: string, destination: string): Promise<OpenIntent[]> {
    return readOpenIntents(this.#database, this.#log, this.#route(source, destination));
  }

  async submitted(intent: number, deliveries: { message: number; target: number }[], now: Date): Promise<void> {
    this.#database.transaction(() => recordSubmitted(this.#database, intent, deliveries, now.getTime()));
  }

  async settle(intent: number, settlements: Settlement[], now: Date): Promise<void> {
    this.#write(() => recordSettlement(this.#database, this.#log, intent, settlements, now.getTime()));
  }

  async rerouted(
    source: string,
    destination: string,
    messageId: string,
  ): Promise<{ added: string[]; withdrawn: string[] }> {
    const { source: from, destination: to } = this.#route(source, destination);
    const rows = this.#database.all(
      "SELECT mailbox, withdrawn FROM rerouted WHERE source = ? AND destination = ? AND message = ?",
      from,
      to,
      messageId,
    );
    const named = (withdrawn: number) =>
      rows.filter((row) => row["withdrawn"] === withdrawn).map((row) => String(row["mailbox"]));
    return { added: named(0), withdrawn: named(1) };
  }

  async withdrawn(source: string, destination: string, copies: WithdrawnCopy[], now: Date): Promise<void> {
    const to = this.#route(source, destination);
    this.#write(() => recordWithdrawal(this.#database, this.#log, to, copies, now.getTime()));
  }

  async quarantine(filter?: { source?: string }): Promise<QuarantineEntry[]> {
    return readQuarantine(this.#database, this.#reader, filter?.source);
  }

  async gaps(filter?: { source?: string; open?: boolean }): Promise<GapEntry[]> {
    return readGaps(this.#database, filter);
  }

  async unmapped(): Promise<(UnmappedPerson & { source: string })[]> {
    return readUnmapped(this.#database);
  }

  async books(): Promise<SourceBooks[]> {
    return sources(this.#database).map(({ id, name }): SourceBooks => readBooks(this.#database, this.#log, id, name));
  }

  async status(): Promise<SourceStatus[]> {
    return sources(this.#database).map(({ id }) => readStatus(this.#database, id));
  }

  async trace(event: number): Promise<Trace[]> {
    const intents = this.#database.all(
      "SELECT entry FROM intent WHERE first <= ? AND last >= ? ORDER BY entry",
      event,
      event,
    );
    return intents.flatMap((row): Trace[] =>
      readTraces(this.#database, this.#log, Number(row["entry"])).filter(({ message }) =>
        message.events.includes(event),
      ),
    );
  }

  async *intents(source: string, destination: string): AsyncGenerator<Trace> {
    const to = this.#route(source, destination);
    for (let entry = 0; ;) {
      entry = this.#database.number(
        "SELECT entry FROM intent WHERE source = ? AND destination = ? AND NOT open AND entry > ? ORDER BY entry LIMIT 1",
        to.source,
        to.destination,
        entry,
      );
      if (entry === 0) return;
      yield* readTraces(this.#database, this.#log, entry);
    }
  }

  async findEvent(source: string, key: string): Promise<JournalEvent[]> {
    const rows = this.#database.all(
      "SELECT seq FROM event WHERE source = ? AND key = ? ORDER BY version",
      this.#sourceId(source),
      key,
    );
    return rows.map((row) => this.#reader.at(Number(row["seq"])));
  }

  entries(): AsyncIterable<JournalEntry> {
    return readEntries(this.#database);
  }

  async verify(): Promise<VerifyResult> {
    return verifyJournal(this.#database, this.blobs);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #appendAll(): void {
    const pages = this.#appending.splice(0);
    try {
      const results = this.#write(() => pages.map((page) => this.#appendPage(page)));
      this.blobs.forgetStaged();
      pages.forEach(({ resolve }, index) => resolve(results[index] ?? { captured: 0, known: 0 }));
    } catch (error) {
      if (pages.length === 1) pages[0]?.reject(error);
      else for (const page of pages) this.#appendAlone(page);
    }
  }

  /** One page that cannot be written must not take the others with it. */
  #appendAlone(page: Appending): void {
    try {
      const result = this.#write(() => this.#appendPage(page));
      this.blobs.forgetStaged();
      page.resolve(result);
    } catch (error) {
      page.reject(error);
    }
  }

  #appendPage({ source, partition, page, at }: Appending): AppendResult {
    const place = { database: this.#database, log: this.#log, blobs: this.blobs, source: this.#sourceId(source) };
    return appendPage(place, partition, page, at);
  }

  #sourceId(name: string): number {
    const id = this.#database.number("SELECT id FROM source WHERE name = ?", name);
    if (id !== 0) return id;
    throw new SettingsError(`The journal has no source "${name}".`, {
      remedy: "Name a source of the configuration that has run at least once.",
    });
  }

  #route(source: string, destination: string): Route {
    let id = this.#database.number("SELECT id FROM destination WHERE name = ?", destination);
    if (id === 0) {
      this.#database.run("INSERT INTO destination (name) VALUES (?)", destination);
      id = this.#database.number("SELECT id FROM destination WHERE name = ?", destination);
    }
    return { source: this.#sourceId(source), destination: id };
  }

  /** One transaction. What goes wrong in it leaves the journal, and the chain's end in memory, as they were. */
  #write<Result>(work: () => Result): Result {
    try {
      return this.#database.transaction(work);
    } catch (error) {
      this.#log.resume();
      throw error;
    }
  }
}

function sources(database: JournalDatabase): { id: number; name: string }[] {
  return database
    .all("SELECT id, name FROM source ORDER BY name")
    .map((row) => ({ id: Number(row["id"]), name: String(row["name"]) }));
}
