import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SettingsError } from "@hansard/core";
import type { Journal, SourceBooks, Trace } from "@hansard/core/ingestion";
import { BlobStore } from "./blobs.ts";
import { readBooks, readStatus } from "./books.ts";
import { appendPage, readKnown, readPosition } from "./capture.ts";
import { JournalDatabase } from "./database.ts";
import { type Route, readClosedGroups, readOpenIntents, readTraces, recordHold, recordIntent, recordSettlement, recordSubmitted, recordWithdrawal } from "./delivery.ts";
import { EventReader } from "./event-reader.ts";
import { readGaps, readQuarantine, readUnmapped } from "./lists.ts";
import { Log, readEntries } from "./log.ts";
import { verifyJournal } from "./verify.ts";

/** Opens the journal in `folder`, making it where there is none. One process may write at a time; others may read. */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true });
  const database = new JournalDatabase(join(folder, "journal.db"));
  const log = new Log(database);
  const blobs = new BlobStore(database, join(folder, "blobs"));
  const reader = new EventReader(database, log);

  function sourceId(name: string): number {
    const id = database.number("SELECT id FROM source WHERE name = ?", name);
    if (id === 0) throw new SettingsError(`The journal has no source "${name}".`, { remedy: "Name a source of the configuration that has run at least once." });
    return id;
  }

  function route(source: string, destination: string): Route {
    let id = database.number("SELECT id FROM destination WHERE name = ?", destination);
    if (id === 0) {
      database.run("INSERT INTO destination (name) VALUES (?)", destination);
      id = database.number("SELECT id FROM destination WHERE name = ?", destination);
    }
    return { source: sourceId(source), destination: id };
  }

  /** One transaction. What goes wrong in it leaves the journal, and the chain's end in memory, as they were. */
  function write<Result>(work: () => Result): Result {
    try {
      return database.transaction(work);
    } catch (error) {
      log.resume();
      throw error;
    }
  }

  return {
    blobs,
    installation: database.installation,

    async openSource({ id, connector, version }) {
      database.run("INSERT INTO source (name, connector, version) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET connector = excluded.connector, version = excluded.version", id, connector, version);
    },
    async position(source, partition, now) {
      return readPosition(database, sourceId(source), partition, now.getTime());
    },
    async append(source, partition, page, now) {
      const place = { database, log, blobs, source: sourceId(source) };
      const result = write(() => appendPage(place, partition, page, now.getTime()));
      blobs.forgetStaged();
      return result;
    },
    captured(source, range) {
      return readKnown(database, sourceId(source), range);
    },
    async state(source, name) {
      const value = database.get("SELECT value FROM state WHERE source = ? AND name = ?", sourceId(source), name)?.["value"];
      return typeof value === "string" ? value : undefined;
    },
    async setState(source, name, value) {
      database.run("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", sourceId(source), name, value);
    },

    async take(source, destination, limit) {
      const { source: id, destination: to } = route(source, destination);
      return reader.after(id, database.number("SELECT seq FROM cursor WHERE source = ? AND destination = ?", id, to), limit);
    },
    async events(seqs) {
      return seqs.map((seq) => reader.at(seq));
    },
    async wait({ source, destination, takenThrough, events, quarantined }, now) {
      const to = route(source, destination);
      write(() => recordHold(database, log, to, takenThrough, events, quarantined, now.getTime()));
    },
    async closedGroups(source, destination, now, limit) {
      return readClosedGroups(database, route(source, destination), now.getTime(), limit);
    },
    async intend(intent, followSingly, now) {
      const to = route(intent.source, intent.destination);
      return write(() => recordIntent(database, log, to, intent, followSingly, now.getTime()));
    },
    async openIntents(source, destination) {
      return readOpenIntents(database, log, route(source, destination));
    },
    async submitted(intent, deliveries, now) {
      database.transaction(() => recordSubmitted(database, intent, deliveries, now.getTime()));
    },
    async settle(intent, settlements, now) {
      write(() => recordSettlement(database, log, intent, settlements, now.getTime()));
    },
    async rerouted(source, destination, messageId) {
      const { source: from, destination: to } = route(source, destination);
      const rows = database.all("SELECT mailbox, withdrawn FROM rerouted WHERE source = ? AND destination = ? AND message = ?", from, to, messageId);
      const named = (withdrawn: number) => rows.filter((row) => row["withdrawn"] === withdrawn).map((row) => String(row["mailbox"]));
      return { added: named(0), withdrawn: named(1) };
    },
    async withdrawn(source, destination, copies, now) {
      const to = route(source, destination);
      write(() => recordWithdrawal(database, log, to, copies, now.getTime()));
    },

    async quarantine(filter) {
      return readQuarantine(database, reader, filter?.source);
    },
    async gaps(filter) {
      return readGaps(database, filter);
    },
    async unmapped() {
      return readUnmapped(database);
    },
    async books() {
      return sources(database).map(({ id, name }): SourceBooks => readBooks(database, log, id, name));
    },
    async status() {
      return sources(database).map(({ id }) => readStatus(database, id));
    },
    async trace(event) {
      const intents = database.all("SELECT entry FROM intent WHERE first <= ? AND last >= ? ORDER BY entry", event, event);
      return intents.flatMap((row): Trace[] => readTraces(database, log, Number(row["entry"])).filter(({ message }) => message.events.includes(event)));
    },
    async *intents(source, destination) {
      const to = route(source, destination);
      for (let entry = 0; ; ) {
        entry = database.number("SELECT entry FROM intent WHERE source = ? AND destination = ? AND NOT open AND entry > ? ORDER BY entry LIMIT 1", to.source, to.destination, entry);
        if (entry === 0) return;
        yield* readTraces(database, log, entry);
      }
    },
    async findEvent(source, key) {
      const rows = database.all("SELECT seq FROM event WHERE source = ? AND key = ? ORDER BY version", sourceId(source), key);
      return rows.map((row) => reader.at(Number(row["seq"])));
    },

    entries() {
      return readEntries(database);
    },
    async verify() {
      return verifyJournal(database, blobs);
    },
    async close() {
      database.close();
    },
  };
}

function sources(database: JournalDatabase): { id: number; name: string }[] {
  return database.all("SELECT id, name FROM source ORDER BY name").map((row) => ({ id: Number(row["id"]), name: String(row["name"]) }));
}
