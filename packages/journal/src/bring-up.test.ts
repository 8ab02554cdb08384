import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openJournal } from "./open-journal.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansard-bring-up-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A journal as version 1 left it: the people that nobody claims summed up over all destinations. */
async function journalOfVersion1(destinations: string[]): Promise<void> {
  const journal = openJournal(folder);
  await journal.openSource({ id: "slack", connector: "slack", version: "1.0.0" });
  const intent = { source: "slack", madeWith: { connector: "1.0.0", people: "" }, messages: [], quarantined: [] };
  for (const destination of destinations)
    await journal.intend({ ...intent, destination, takenThrough: 0, unmapped: [] }, false, new Date(0));
  await journal.close();
  const database = new DatabaseSync(join(folder, "journal.db"));
  database.exec(`
    DROP TABLE parked;
    DROP TABLE unmapped;
    CREATE TABLE unmapped (
      source INTEGER NOT NULL, participant TEXT NOT NULL, name TEXT, address TEXT, messages INTEGER NOT NULL,
      PRIMARY KEY (source, participant)
    ) WITHOUT ROWID;
    INSERT INTO unmapped VALUES (1, 'U9', 'Eve', NULL, 6);
    UPDATE meta SET value = 1 WHERE name = 'schema';
  `);
  database.close();
}

test("a journal of version 1 is brought up, and what it knew of unclaimed people stays with its first destination", async () => {
  await journalOfVersion1(["archive", "tenant"]);
  const journal = openJournal(folder);
  const expected = [{ source: "slack", destination: "archive", participant: "U9", name: "Eve", messages: 6 }];
  expect(await journal.unmapped()).toEqual(expected);
  expect((await journal.verify()).problems).toEqual([]);
  await journal.close();
  const again = openJournal(folder);
  expect(await again.unmapped()).toEqual(expected);
  await again.close();
});

test("it is brought up only where nobody else writes to it", async () => {
  await journalOfVersion1(["archive"]);
  const alone = () => {
    throw new Error("A run is under way.");
  };
  expect(() => openJournal(folder, { alone })).toThrow("A run is under way.");
  const works: (() => void)[] = [];
  expect(() => openJournal(folder, { alone: (work) => works.push(work) })).toThrow(/its tables are version 1/);
  expect(works).toHaveLength(1);

  await openJournal(folder).close();
  await openJournal(folder, { alone }).close();
});

test("one that is of a later version is refused, with both versions", async () => {
  await openJournal(folder).close();
  const database = new DatabaseSync(join(folder, "journal.db"));
  database.exec("UPDATE meta SET value = 99 WHERE name = 'schema'");
  database.close();
  expect(() => openJournal(folder)).toThrow(/its tables are version 99, this one knows 3/);
});
