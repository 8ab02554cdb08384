import type { Intent, Settlement } from "@hansard/core/ingestion";
import { folderName } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Route } from "./intents.ts";
import type { Log } from "./log.ts";
import { CountedCopies, placeOf } from "./parked.ts";

/** Adds up what settlements, which the log has already, say is stored. */
export function tally(
  database: JournalDatabase,
  log: Log,
  { source, destination }: Route,
  id: number,
  intent: Intent,
  settlements: Settlement[],
): void {
  const { messages, purpose } = intent;
  const known = new CountedCopies(database, log, { source, destination }, id, intent);
  const counts = new Map<string, number>();
  const purges = new Map<string, number>();
  const counted = new Set<number>();
  for (const { message: index, target, result } of settlements) {
    const message = messages[index];
    if (!message || (result.status !== "delivered" && result.status !== "redirected")) continue;
    const to = result.status === "redirected" ? result.to : (message.targets[target] ?? unknownTarget(index, target));
    const { mailbox, folder } = to;
    // Nearly all go there, and a key for each copy would cost more than the counting.
    if (folder.kind === "purges" && purpose === undefined) add(purges, mailbox);
    else if (!known.has(index, result.status, to)) add(counts, `mailbox\n${placeOf(to)}`);
    if (purpose === "reroute") {
      database.run(
        "INSERT OR REPLACE INTO rerouted VALUES (?, ?, ?, ?, 0)",
        source,
        destination,
        message.messageId,
        mailbox,
      );
      continue;
    }
    // A message counts once, with the first of its copies.
    if (target === 0 && !counted.has(index) && !known.hasMessage(index)) {
      counted.add(index);
      add(counts, `class\n${message.messageClass}`);
    }
  }
  for (const [mailbox, count] of purges) counts.set(`mailbox\n${mailbox}/${folderName({ kind: "purges" })}`, count);
  for (const [key, count] of counts) {
    const [kind = "", name = ""] = key.split("\n");
    database.run(
      "INSERT INTO tally VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
      source,
      destination,
      kind,
      name,
      count,
    );
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function unknownTarget(message: number, target: number): never {
  throw new Error(`Target ${target} of message ${message} is not part of its intent.`);
}
