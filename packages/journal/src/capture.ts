import type { FollowUp, Json, KnownEvent, Page, SourceEvent } from "@hansard/core";
import type { AppendResult } from "@hansard/core/ingestion";
import type { BlobStore } from "./blobs.ts";
import type { JournalDatabase } from "./database.ts";
import type { Log } from "./log.ts";

const KNOWN_EVENTS_AT_ONCE = 1000;

interface Place {
  database: JournalDatabase;
  log: Log;
  blobs: BlobStore;
  source: number;
}

/** Writes a page within the caller's transaction: only events that are new, and all that must be durable with them. */
export function appendPage(
  { database, log, blobs, source }: Place,
  partition: string,
  page: Page,
  at: number,
): AppendResult {
  blobs.writeStaged();
  const entry = log.next;
  const claims = recordClaims(database, source, page);
  const contexts = newContexts(database, source, entry, page);
  const first = database.number("SELECT max(last) FROM page") + 1;
  const { fresh, days } = recordEvents(database, source, first, page.events, claims);
  recordSurroundings(database, source, partition, page, at);
  const captured = fresh.length;
  const { events: _, contexts: __, ...rest } = page;
  if (
    fresh.length === 0 &&
    contexts.length === 0 &&
    Object.values(rest).every((part) => part === undefined || (Array.isArray(part) && part.length === 0))
  ) {
    return { captured: 0, known: page.events.length };
  }
  const header = JSON.stringify({
    source: sourceName(database, source),
    partition,
    first,
    contexts: contexts.length,
    events: captured,
    ...rest,
  });
  log.append("page", at, pageLines(header, contexts, fresh));
  if (captured > 0) {
    database.run(
      "INSERT INTO page (entry, source, first, last, line) VALUES (?, ?, ?, ?, ?)",
      entry,
      source,
      first,
      first + captured - 1,
      contexts.length + 1,
    );
  }
  for (const [day, events] of days) {
    database.run(
      "INSERT INTO coverage VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events",
      source,
      partition,
      day,
      events,
    );
  }
  return { captured, known: page.events.length - captured };
}

function recordEvents(
  database: JournalDatabase,
  source: number,
  first: number,
  events: SourceEvent[],
  claims: Map<string, number>,
) {
  const insert = database.prepare(
    "INSERT OR IGNORE INTO event (source, key, version, seq, type, claim) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const fresh: SourceEvent[] = [];
  const days = new Map<string, number>();
  const capturedByClaim = new Map<number, number>();
  for (const event of events) {
    const claim =
      event.claim === undefined ? null : (claims.get(event.claim) ?? claimId(database, source, event.claim, claims));
    const { changes } = insert.run(source, event.key, event.version ?? "", first + fresh.length, event.type, claim);
    if (changes === 0) {
      if (claim !== null) recordOverlap(database, source, event, claim);
      continue;
    }
    fresh.push(event);
    const day = event.occurredAt.slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + 1);
    if (claim !== null) capturedByClaim.set(claim, (capturedByClaim.get(claim) ?? 0) + 1);
  }
  for (const [claim, captured] of capturedByClaim)
    database.run("UPDATE claim SET captured = captured + ? WHERE id = ?", captured, claim);
  return { fresh, days };
}

function* pageLines(header: string, contexts: string[], events: SourceEvent[]): Generator<string> {
  yield header;
  yield* contexts;
  for (const event of events) yield JSON.stringify(event);
}

/** A known event that another claim counts as well must not be missed from that claim's books. */
function recordOverlap(database: JournalDatabase, source: number, event: SourceEvent, claim: number): void {
  const known = database.get(
    "SELECT seq, claim FROM event WHERE source = ? AND key = ? AND version = ?",
    source,
    event.key,
    event.version ?? "",
  );
  if (!known || known["claim"] === claim) return;
  const added = database.run(
    "INSERT OR IGNORE INTO overlap (claim, event) VALUES (?, ?)",
    claim,
    known["seq"] as number,
  );
  if (added) database.run("UPDATE claim SET overlap = overlap + 1 WHERE id = ?", claim);
}

function recordClaims(database: JournalDatabase, source: number, page: Page): Map<string, number> {
  const claims = new Map<string, number>();
  for (const { id, events } of page.claims ?? []) {
    database.run(
      "INSERT INTO claim (source, name, events) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET events = excluded.events",
      source,
      id,
      events,
    );
    claimId(database, source, id, claims);
  }
  return claims;
}

function claimId(database: JournalDatabase, source: number, name: string, known: Map<string, number>): number {
  database.run("INSERT OR IGNORE INTO claim (source, name, events) VALUES (?, ?, 0)", source, name);
  const id = database.number("SELECT id FROM claim WHERE source = ? AND name = ?", source, name);
  known.set(name, id);
  return id;
}

function newContexts(database: JournalDatabase, source: number, entry: number, page: Page): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(page.contexts ?? {})) {
    const added = database.run(
      "INSERT OR IGNORE INTO context (source, name, entry, line) VALUES (?, ?, ?, ?)",
      source,
      name,
      entry,
      lines.length + 1,
    );
    if (added) lines.push(JSON.stringify([name, value]));
  }
  return lines;
}

function recordSurroundings(
  database: JournalDatabase,
  source: number,
  partition: string,
  page: Page,
  at: number,
): void {
  for (const { id, dueAt, data } of page.followUps ?? []) {
    database.run(
      "INSERT OR REPLACE INTO follow_up VALUES (?, ?, ?, ?, ?)",
      source,
      partition,
      id,
      dueAt === undefined ? 0 : Date.parse(dueAt),
      JSON.stringify(data),
    );
  }
  for (const id of page.settled ?? [])
    database.run("DELETE FROM follow_up WHERE source = ? AND partition = ? AND id = ?", source, partition, id);
  for (const { id, reason, remedy, events, claim } of page.gaps ?? []) {
    database.run(
      "INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET reason = excluded.reason, remedy = excluded.remedy, events = excluded.events, closed = NULL",
      source,
      id,
      reason,
      remedy ?? null,
      events,
      claim ?? null,
      at,
    );
  }
  for (const id of page.closed ?? [])
    database.run("UPDATE gap SET closed = ? WHERE source = ? AND name = ?", at, source, id);
  for (const { id, reason, events, claim } of page.exclusions ?? []) {
    database.run("INSERT OR REPLACE INTO exclusion VALUES (?, ?, ?, ?, ?)", source, id, reason, events, claim ?? null);
  }
  if (page.checkpoint !== undefined) {
    database.run(
      "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)",
      source,
      partition,
      JSON.stringify(page.checkpoint),
      at,
    );
  }
}

/** Where a partition's last read became durable, and what is owed. */
export function readPosition(
  database: JournalDatabase,
  source: number,
  partition: string,
  now: number,
): { checkpoint?: Json; followUps: FollowUp[] } {
  const checkpoint = database.get("SELECT value FROM checkpoint WHERE source = ? AND partition = ?", source, partition);
  const owed = database.all(
    "SELECT id, due_at, value FROM follow_up WHERE source = ? AND partition = ? AND due_at <= ? ORDER BY due_at, id",
    source,
    partition,
    now,
  );
  const followUps = owed.map((row): FollowUp => ({
    id: String(row["id"]),
    ...(row["due_at"] ? { dueAt: new Date(Number(row["due_at"])).toISOString() } : {}),
    data: JSON.parse(String(row["value"])),
  }));
  return checkpoint ? { checkpoint: JSON.parse(String(checkpoint["value"])), followUps } : { followUps };
}

/** Known events in the order of their keys, a thousand at a time, so that a window of any size needs no memory. */
export async function* readKnown(
  database: JournalDatabase,
  source: number,
  { from, to }: { from: string; to: string },
): AsyncGenerator<KnownEvent> {
  let [key, version] = [from, ""];
  for (let inclusive = true; ; inclusive = false) {
    const rows = database.all(
      `SELECT key, version, type FROM event WHERE source = ? AND key < ? AND (key, version) ${inclusive ? ">=" : ">"} (?, ?) ORDER BY key, version LIMIT ?`,
      source,
      to,
      key,
      version,
      KNOWN_EVENTS_AT_ONCE,
    );
    for (const row of rows)
      yield { key: String(row["key"]), version: String(row["version"]), type: String(row["type"]) };
    const last = rows.at(-1);
    if (!last || rows.length < KNOWN_EVENTS_AT_ONCE) return;
    [key, version] = [String(last["key"]), String(last["version"])];
  }
}

function sourceName(database: JournalDatabase, source: number): string {
  return String(database.get("SELECT name FROM source WHERE id = ?", source)?.["name"]);
}
