import type { QuarantinedEvent, UnmappedPerson } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Route } from "./intents.ts";

export function recordQuarantine(
  database: JournalDatabase,
  { source, destination }: Route,
  { event, stage, reason, remedy }: QuarantinedEvent,
  at: number,
): void {
  database.run(
    "INSERT INTO quarantine (source, destination, event, stage, reason, remedy, since, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET stage = excluded.stage, reason = excluded.reason, remedy = excluded.remedy, attempts = attempts + 1",
    source,
    destination,
    event,
    stage,
    reason,
    remedy ?? null,
    at,
  );
}

export function countUnmapped(
  database: JournalDatabase,
  { source, destination }: Route,
  { participant, name, address, messages }: UnmappedPerson,
): void {
  database.run(
    "INSERT INTO unmapped VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET messages = messages + excluded.messages, name = coalesce(excluded.name, name), address = coalesce(excluded.address, address)",
    source,
    destination,
    participant,
    name ?? null,
    address ?? null,
    messages,
  );
}
