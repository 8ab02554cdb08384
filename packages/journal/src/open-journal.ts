import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { FollowUp, Json, KnownEvent, Page } from "@hansard/core";
import type {
  AppendResult,
  GapEntry,
  Hold,
  Intent,
  Journal,
  JournalEntry,
  JournalEvent,
  TakenEvents,
  OpenIntent,
  QuarantineEntry,
  Settlement,
  SourceBooks,
  SourceStatus,
  Trace,
  UnmappedAt,
  VerifyResult,
  WaitingGroup,
  WithdrawnCopy,
} from "@hansard/core/ingestion";
import { BlobStore } from "./blobs.ts";
import { readBooks, readStatus } from "./books.ts";
import { readKnown, readPosition } from "./capture.ts";
import { type Alone, JournalDatabase } from "./database.ts";
import { EventReader } from "./event-reader.ts";
import { exclusively } from "./exclusive.ts";
import { readOpenIntents, recordIntent, recordSubmitted } from "./intents.ts";
import { readGaps, readQuarantine, readUnmapped } from "./lists.ts";
import { Log, readEntries } from "./log.ts";
import { PageQueue } from "./page-queue.ts";
import { SealedState, type StateProtection } from "./sealed-state.ts";
import { recordSettlement, recordWithdrawal } from "./settlements.ts";
import { allSources, recordSource, routeOf, sourceId } from "./sources.ts";
import { StateKeyring, type StateKeys } from "./state-keys.ts";
import { reroutedMailboxes, settledTraces, tracesOf } from "./traces.ts";
import { verifyJournal } from "./verify.ts";
import { readClosedGroups, recordHold } from "./waiting.ts";

/** A journal that seals what sources remember. */
export interface LocalJournal extends Journal {
  stateProtection(): StateProtection;
  /** Removes what a source remembers and no key opens, and gives its names: the source then starts from its settings. */
  forgetUnreadableState(source: string): string[];
}

export interface JournalOptions {
  stateKeys?: StateKeys;
  /**
   * Runs `work` while no other process writes to the installation, and throws where one does: so a journal of an earlier
   * version is brought up. Absent: at once, as where one process is all there is.
   */
  alone?: Alone;
}

/** Opens the journal in `folder`, making it where there is none. One process may write at a time; others may read. */
export function openJournal(folder: string, { stateKeys = {}, alone }: JournalOptions = {}): LocalJournal {
  mkdirSync(folder, { recursive: true });
  return new SqliteJournal(folder, stateKeys, alone);
}

class SqliteJournal implements LocalJournal {
  readonly blobs: BlobStore;
  readonly installation: Journal["installation"];
  readonly #database: JournalDatabase;
  readonly #log: Log;
  readonly #reader: EventReader;
  readonly #pages: PageQueue;
  readonly #state: SealedState;
  readonly #folder: string;

  constructor(folder: string, stateKeys: StateKeys, alone?: Alone) {
    this.#folder = folder;
    this.#database = new JournalDatabase(join(folder, "journal.db"), alone);
    this.#log = new Log(this.#database);
    this.blobs = new BlobStore(this.#database, join(folder, "blobs"));
    this.#reader = new EventReader(this.#database, this.#log);
    this.installation = this.#database.installation;
    this.#state = new SealedState(this.#database, new StateKeyring(stateKeys, folder));
    this.#pages = new PageQueue({
      database: this.#database,
      log: this.#log,
      blobs: this.blobs,
      write: (work) => this.#write(work),
    });
  }

  async openSource(source: { id: string; connector: string; version: string }): Promise<void> {
    recordSource(this.#database, source);
  }

  async position(source: string, partition: string, now: Date): Promise<{ checkpoint?: Json; followUps: FollowUp[] }> {
    return readPosition(this.#database, this.#sourceId(source), partition, now.getTime());
  }

  append(source: string, partition: string, page: Page, now: Date): Promise<AppendResult> {
    return this.#pages.append({ source, partition, page, at: now.getTime() });
  }

  captured(source: string, range: { from: string; to: string }): AsyncIterable<KnownEvent> {
    return readKnown(this.#database, this.#sourceId(source), range);
  }

  async state(source: string, name: string): Promise<string | undefined> {
    return this.#state.read({ source: { id: this.#sourceId(source), name: source }, name });
  }

  async setState(source: string, name: string, value: string): Promise<void> {
    this.#state.write({ source: { id: this.#sourceId(source), name: source }, name }, value);
  }

  exclusive<Result>(source: string, work: () => Promise<Result>): Promise<Result> {
    return exclusively(join(this.#folder, `exclusive-${this.#sourceId(source)}.db`), work);
  }

  stateProtection(): StateProtection {
    return this.#state.protection();
  }

  forgetUnreadableState(source: string): string[] {
    return this.#state.forgetUnreadable(source);
  }

  async take(source: string, destination: string, limit: number): Promise<TakenEvents> {
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
    return reroutedMailboxes(this.#database, this.#route(source, destination), messageId);
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

  async unmapped(): Promise<UnmappedAt[]> {
    return readUnmapped(this.#database);
  }

  async books(destinations: Record<string, string[]> = {}): Promise<SourceBooks[]> {
    return this.#database.reading(() =>
      allSources(this.#database).map(({ id, name }) =>
        readBooks(this.#database, this.#log, { id, name, destinations: destinations[name] ?? [] }),
      ),
    );
  }

  async status(): Promise<SourceStatus[]> {
    return allSources(this.#database).map(({ id }) => readStatus(this.#database, id));
  }

  async trace(event: number): Promise<Trace[]> {
    return tracesOf(this.#database, this.#log, event);
  }

  intents(source: string, destination: string): AsyncIterable<Trace> {
    return settledTraces(this.#database, this.#log, this.#route(source, destination));
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

  #sourceId(name: string): number {
    return sourceId(this.#database, name);
  }

  #route(source: string, destination: string) {
    return routeOf(this.#database, source, destination);
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
