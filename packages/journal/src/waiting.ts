import type { IntendedMessage, QuarantinedEvent, WaitingGroup } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Route } from "./intents.ts";
import type { Log } from "./log.ts";
import { recordQuarantine } from "./quarantine.ts";

export function recordHold(
  database: JournalDatabase,
  log: Log,
  route: Route,
  takenThrough: number,
  events: { event: number; group: string; closesAt: number }[],
  quarantined: QuarantinedEvent[],
  at: number,
): void {
  for (const event of quarantined) recordQuarantine(database, route, event, at);
  const insert = database.prepare("INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?, ?)");
  for (const { event, group, closesAt } of events) insert.run(route.source, route.destination, group, event, closesAt);
  moveCursor(database, route, takenThrough);
  log.append("hold", at, [
    JSON.stringify({ ...route, takenThrough, quarantined }),
    ...events.map((event) => JSON.stringify(event)),
  ]);
}

export function readClosedGroups(
  database: JournalDatabase,
  { source, destination }: Route,
  now: number,
  limit: number,
): WaitingGroup[] {
  const groups = database.all(
    "SELECT grouping, max(closes_at) AS closes FROM waiting WHERE source = ? AND destination = ? GROUP BY grouping HAVING closes <= ? ORDER BY min(event) LIMIT ?",
    source,
    destination,
    now,
    limit,
  );
  return groups.map((row) => {
    const key = String(row["grouping"]);
    const events = database.all(
      "SELECT event FROM waiting WHERE source = ? AND destination = ? AND grouping = ? ORDER BY event",
      source,
      destination,
      key,
    );
    const delivered = database.number(
      "SELECT messages FROM grouped WHERE source = ? AND destination = ? AND grouping = ?",
      source,
      destination,
      key,
    );
    return { key, events: events.map((event) => Number(event["event"])), delivered };
  });
}

export function release(
  database: JournalDatabase,
  { source, destination }: Route,
  messages: IntendedMessage[],
  events: number[],
): void {
  for (const event of events) {
    const group = database.get(
      "SELECT grouping FROM waiting WHERE source = ? AND destination = ? AND event = ?",
      source,
      destination,
      event,
    )?.["grouping"];
    if (typeof group !== "string") continue;
    database.run("DELETE FROM waiting WHERE source = ? AND destination = ? AND event = ?", source, destination, event);
    if (messages.some(({ events: [first] }) => first === event)) {
      database.run(
        "INSERT INTO grouped VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET messages = messages + 1",
        source,
        destination,
        group,
      );
    }
  }
}

export function moveCursor(database: JournalDatabase, { source, destination }: Route, seq: number): void {
  database.run(
    "INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    source,
    destination,
    seq,
  );
}
