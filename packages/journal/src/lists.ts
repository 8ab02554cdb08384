import type { GapEntry, QuarantineEntry, UnmappedAt } from "@hansard/core/ingestion";
import type { JournalDatabase, Row } from "./database.ts";
import type { EventReader } from "./event-reader.ts";

/** Events that could not be mapped or delivered, the oldest first. */
export function readQuarantine(database: JournalDatabase, events: EventReader, source?: string): QuarantineEntry[] {
  const rows = database.all(
    `SELECT quarantine.*, source.name AS source_name, destination.name AS destination_name FROM quarantine
     JOIN source ON source.id = quarantine.source JOIN destination ON destination.id = quarantine.destination
     WHERE ?1 IS NULL OR source.name = ?1 ORDER BY quarantine.id`,
    source ?? null,
  );
  return rows.map((row) => {
    const { key, type } = events.at(Number(row["event"]));
    return {
      id: Number(row["id"]),
      source: String(row["source_name"]),
      destination: String(row["destination_name"]),
      event: Number(row["event"]),
      eventKey: key,
      type,
      stage: row["stage"] === "map" ? "map" : "deliver",
      reason: String(row["reason"]),
      ...text(row, "remedy"),
      since: new Date(Number(row["since"])).toISOString(),
      attempts: Number(row["attempts"]),
    };
  });
}

export function readGaps(
  database: JournalDatabase,
  { source, open }: { source?: string; open?: boolean } = {},
): GapEntry[] {
  const rows = database.all(
    `SELECT gap.*, source.name AS source_name FROM gap JOIN source ON source.id = gap.source
     WHERE (?1 IS NULL OR source.name = ?1) AND (?2 = 0 OR closed IS NULL) ORDER BY since, gap.name`,
    source ?? null,
    open ? 1 : 0,
  );
  return rows.map((row) => ({
    source: String(row["source_name"]),
    id: String(row["name"]),
    reason: String(row["reason"]),
    ...text(row, "remedy"),
    events: Number(row["events"]),
    since: new Date(Number(row["since"])).toISOString(),
  }));
}

/** People whom no rule of the map claims, those with the most messages first, for each destination. */
export function readUnmapped(database: JournalDatabase): UnmappedAt[] {
  const rows = database.all(
    "SELECT unmapped.*, source.name AS source_name, destination.name AS destination_name FROM unmapped JOIN source ON source.id = unmapped.source JOIN destination ON destination.id = unmapped.destination ORDER BY messages DESC, participant, destination.name",
  );
  return rows.map((row) => ({
    source: String(row["source_name"]),
    destination: String(row["destination_name"]),
    participant: String(row["participant"]),
    ...(row["name"] === null ? {} : { name: String(row["name"]) }),
    ...(row["address"] === null ? {} : { address: String(row["address"]) }),
    messages: Number(row["messages"]),
  }));
}

function text<Name extends string>(row: Row, name: Name): { [Key in Name]?: string } {
  return row[name] === null ? {} : ({ [name]: String(row[name]) } as { [Key in Name]: string });
}
