import type { Settlement, Trace } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import { type Route, readIntent } from "./intents.ts";
import type { Log } from "./log.ts";

/** Every delivery that an event took part in, the oldest first. */
export function tracesOf(database: JournalDatabase, log: Log, event: number): Trace[] {
  return database
    .all("SELECT entry FROM intent WHERE first <= ? AND last >= ? ORDER BY entry", event, event)
    .flatMap((row) => readTraces(database, log, Number(row["entry"])))
    .filter(({ message }) => message.events.includes(event));
}

/** All settled intents of a route, the oldest first. */
export async function* settledTraces(
  database: JournalDatabase,
  log: Log,
  { source, destination }: Route,
): AsyncGenerator<Trace> {
  for (let entry = 0; ;) {
    entry = database.number(
      "SELECT entry FROM intent WHERE source = ? AND destination = ? AND NOT open AND entry > ? ORDER BY entry LIMIT 1",
      source,
      destination,
      entry,
    );
    if (entry === 0) return;
    yield* readTraces(database, log, entry);
  }
}

/** Mailboxes that rerouting brought a message to, and those that it took it from. */
export function reroutedMailboxes(
  database: JournalDatabase,
  { source, destination }: Route,
  messageId: string,
): { added: string[]; withdrawn: string[] } {
  const rows = database.all(
    "SELECT mailbox, withdrawn FROM rerouted WHERE source = ? AND destination = ? AND message = ?",
    source,
    destination,
    messageId,
  );
  const named = (withdrawn: number) =>
    rows.filter((row) => row["withdrawn"] === withdrawn).map((row) => String(row["mailbox"]));
  return { added: named(0), withdrawn: named(1) };
}

/** What became of each message of an intent, over all its settlements; the last word on a target counts. */
export function readTraces(database: JournalDatabase, log: Log, id: number): Trace[] {
  const { destination, messages, purpose } = readIntent(log, id);
  const results: Settlement["result"][][] = messages.map(() => []);
  for (const row of database.all("SELECT entry FROM settlement WHERE intent = ? ORDER BY entry", id)) {
    const [header = "{}", ...lines] = log.body(Number(row["entry"])).lines();
    const { correlationId } = JSON.parse(header);
    for (const line of lines) {
      const [message, target, what] = JSON.parse(line) as [number, number, string | Settlement["result"]];
      const result: Settlement["result"] =
        typeof what === "string" ? { status: "delivered", receipt: { itemId: what, correlationId } } : what;
      (results[message] ??= [])[target] = result;
    }
  }
  return messages.map((message, index) => ({
    intent: id,
    ...(purpose ? { purpose } : {}),
    destination,
    message,
    results: results[index] ?? [],
  }));
}
