import { zstdDecompressSync } from "node:zlib";
import type { VerifyResult } from "@hansard/core/ingestion";
import type { BlobStore } from "./blobs.ts";
import type { JournalDatabase } from "./database.ts";
import { chain, genesis, sha256 } from "./log.ts";

const ENTRIES_AT_ONCE = 200;
const PROBLEMS_AT_MOST = 100;

/** Recomputes the chain over every entry and checks that the tables and the content store agree with it. */
export async function verifyJournal(database: JournalDatabase, blobs: BlobStore): Promise<VerifyResult> {
  const problems: string[] = [];
  const seen = { entries: 0, events: 0, blobs: 0 };
  let head: Uint8Array = genesis(database.installation.id);
  for (;;) {
    const rows = database.all("SELECT * FROM entry WHERE seq > ? ORDER BY seq LIMIT ?", seen.entries, ENTRIES_AT_ONCE);
    for (const row of rows) {
      const seq = Number(row["seq"]);
      if (seq !== seen.entries + 1)
        problems.push(`Entry ${seen.entries + 1} is missing: entry ${seq} follows ${seen.entries}.`);
      seen.entries = seq;
      const bodyHash = row["body_hash"] as Uint8Array;
      const expected = chain(head, seq, String(row["kind"]), Number(row["at"]), bodyHash);
      head = row["hash"] as Uint8Array;
      if (Buffer.compare(expected, head) !== 0)
        problems.push(`Entry ${seq} is not what was written: its hash does not follow from the entry before it.`);
      const lines = body(row["body"], bodyHash, seq, problems);
      if (lines && row["kind"] === "page") seen.events += checkPage(database, seq, lines, problems);
    }
    if (rows.length < ENTRIES_AT_ONCE || problems.length > PROBLEMS_AT_MOST) break;
  }
  const events = database.number("SELECT count(*) FROM event");
  if (events !== seen.events) problems.push(`The table of events holds ${events} events and the log ${seen.events}.`);
  seen.blobs = await checkBlobs(database, blobs, problems);
  for (const row of database.all("PRAGMA integrity_check(10)"))
    if (row["integrity_check"] !== "ok") problems.push(`SQLite: ${row["integrity_check"]}.`);
  return { ...seen, head: Buffer.from(head).toString("hex"), problems: problems.slice(0, PROBLEMS_AT_MOST) };
}

function body(content: unknown, bodyHash: Uint8Array, seq: number, problems: string[]): string[] | undefined {
  if (content === null) return undefined;
  try {
    const bytes = zstdDecompressSync(content as Uint8Array);
    if (sha256(bytes).equals(bodyHash)) return bytes.toString().split("\n");
    problems.push(`The body of entry ${seq} is not what was written: its hash differs.`);
  } catch {
    problems.push(`The body of entry ${seq} is damaged: it cannot be decompressed.`);
  }
  return undefined;
}

function checkPage(database: JournalDatabase, seq: number, lines: string[], problems: string[]): number {
  const { first, contexts, events } = JSON.parse(lines[0] ?? "{}") as {
    first: number;
    contexts: number;
    events: number;
  };
  if (lines.length !== 1 + contexts + events)
    problems.push(
      `Entry ${seq} announces ${contexts} contexts and ${events} events and has ${lines.length - 1} lines.`,
    );
  if (events === 0) return 0;
  const page = database.get("SELECT * FROM page WHERE entry = ?", seq);
  if (!page || Number(page["first"]) !== first || Number(page["last"]) !== first + events - 1)
    problems.push(`The table of pages does not agree with entry ${seq}.`);
  lines.slice(1 + contexts).forEach((line, index) => {
    const { key, version = "" } = JSON.parse(line) as { key: string; version?: string };
    const row =
      page &&
      database.get(
        "SELECT seq FROM event WHERE source = ? AND key = ? AND version = ?",
        page["source"] ?? 0,
        key,
        version,
      );
    if (Number(row?.["seq"]) !== first + index)
      problems.push(`Event ${first + index} ("${key}") of entry ${seq} is not in the table of events.`);
  });
  return events;
}

async function checkBlobs(database: JournalDatabase, blobs: BlobStore, problems: string[]): Promise<number> {
  const rows = database.all("SELECT sha256, size FROM blob");
  for (const row of rows) {
    const digest = Buffer.from(row["sha256"] as Uint8Array).toString("hex");
    try {
      for await (const _ of blobs.read({ sha256: digest, size: Number(row["size"]) }));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return rows.length;
}
