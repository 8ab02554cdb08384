import { SettingsError } from "@hansard/core";
import type { JournalDatabase } from "./database.ts";
import type { Route } from "./intents.ts";

/** Makes a source known, or updates its connector's version. */
export function recordSource(
  database: JournalDatabase,
  { id, connector, version }: { id: string; connector: string; version: string },
): void {
  database.run(
    "INSERT INTO source (name, connector, version) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET connector = excluded.connector, version = excluded.version",
    id,
    connector,
    version,
  );
}

/** The number of a source within this journal. */
export function sourceId(database: JournalDatabase, name: string): number {
  const id = database.number("SELECT id FROM source WHERE name = ?", name);
  if (id !== 0) return id;
  throw new SettingsError(`The journal has no source "${name}".`, {
    remedy: "Name a source of the configuration that has run at least once.",
  });
}

/** The numbers of a source and a destination within this journal, which takes note of a destination that is new. */
export function routeOf(database: JournalDatabase, source: string, destination: string): Route {
  const known = () => database.number("SELECT id FROM destination WHERE name = ?", destination);
  if (known() === 0) database.run("INSERT INTO destination (name) VALUES (?)", destination);
  return { source: sourceId(database, source), destination: known() };
}

export function allSources(database: JournalDatabase): { id: number; name: string }[] {
  return database
    .all("SELECT id, name FROM source ORDER BY name")
    .map((row) => ({ id: Number(row["id"]), name: String(row["name"]) }));
}
