import type { IntendedMessage, Intent, Settlement, WithdrawnCopy } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import { deliveryId, readIntent, type Route } from "./intents.ts";
import type { Log } from "./log.ts";
import { placeOf } from "./parked.ts";
import { recordQuarantine } from "./quarantine.ts";
import { tally } from "./tally.ts";

/** Writes what became of deliveries, within the caller's transaction. An intent of which nothing is left is closed. */
export function recordSettlement(
  database: JournalDatabase,
  log: Log,
  intentId: number,
  settlements: Settlement[],
  at: number,
): void {
  const row = database.get("SELECT source, destination FROM intent WHERE entry = ?", intentId);
  if (!row) throw new Error(`The journal has no intent ${intentId} to settle. Run "hansard verify".`);
  const route = { source: Number(row["source"]), destination: Number(row["destination"]) };
  const intent = readIntent(log, intentId);
  const singly = database.number("SELECT count(*) FROM delivery WHERE intent = ?", intentId) > 0;
  const entry = log.append("settlement", at, settlementLines(intentId, settlements));
  database.run("INSERT INTO settlement VALUES (?, ?)", intentId, entry);
  tally(database, log, route, intentId, intent, settlements);
  if (!singly) followRest(database, intentId, intent.messages, settlements);
  settleDeliveries(database, intentId, settlements);
  const open = new Set(
    database
      .all("SELECT DISTINCT message FROM delivery WHERE intent = ?", intentId)
      .map((left) => Number(left["message"])),
  );
  const touched = singly ? new Set(settlements.map(({ message }) => message)) : undefined;
  const failed = quarantineFailed(database, route, intent, settlements, at);
  markDelivered(database, route, finishedEvents(intent.messages, open, touched, failed));
  if (open.size === 0) database.run("UPDATE intent SET open = 0 WHERE entry = ?", intentId);
}

/** Where only some of an intent that was not followed singly is settled, the rest is from now on: it must not be forgotten. */
function followRest(
  database: JournalDatabase,
  intent: number,
  messages: IntendedMessage[],
  settlements: Settlement[],
): void {
  const copies = messages.reduce((sum, { targets }) => sum + targets.length, 0);
  if (settlements.length === copies) return;
  const settled = new Set(settlements.map(({ message, target }) => deliveryId(intent, message, target)));
  const insert = database.prepare("INSERT INTO delivery (intent, message, target) VALUES (?, ?, ?)");
  messages.forEach(({ targets }, message) =>
    targets.forEach((_, target) => {
      if (!settled.has(deliveryId(intent, message, target))) insert.run(intent, message, target);
    }),
  );
}

/** In bulk every item of a request shares its correlation id, so the header holds it and the lines only what differs. */
function* settlementLines(intent: number, settlements: Settlement[]): Generator<string> {
  let shared: string | undefined;
  for (const { result } of settlements) if (result.status === "delivered") shared ??= result.receipt.correlationId;
  yield JSON.stringify({ intent, correlationId: shared });
  for (const { message, target, result } of settlements)
    yield result.status === "delivered" && result.receipt.correlationId === shared
      ? `[${message},${target},${JSON.stringify(result.receipt.itemId)}]`
      : JSON.stringify([message, target, result]);
}

function settleDeliveries(database: JournalDatabase, intent: number, settlements: Settlement[]): void {
  for (const { message, target, result } of settlements) {
    if (result.status === "retry") {
      database.run(
        "INSERT INTO delivery (intent, message, target, retry_at, attempts) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET retry_at = excluded.retry_at, submitted_at = NULL",
        intent,
        message,
        target,
        result.retryAt,
      );
    }
  }
  if (database.number("SELECT count(*) FROM delivery WHERE intent = ?", intent) === 0) return;
  const remove = database.prepare("DELETE FROM delivery WHERE intent = ? AND message = ? AND target = ?");
  for (const { message, target, result } of settlements)
    if (result.status !== "retry") remove.run(intent, message, target);
}

function quarantineFailed(
  database: JournalDatabase,
  route: Route,
  intent: Intent,
  settlements: Settlement[],
  at: number,
): Set<number> {
  const failed = new Set<number>();
  for (const { message, result } of settlements) {
    if (result.status !== "quarantined") continue;
    for (const event of intent.messages[message]?.events ?? []) {
      failed.add(event);
      recordQuarantine(
        database,
        route,
        {
          event,
          stage: "deliver",
          reason: result.reason,
          ...(result.remedy === undefined ? {} : { remedy: result.remedy }),
        },
        at,
      );
    }
  }
  return failed;
}

/** Events of which every message has arrived everywhere. A series has several messages of the same event. */
function finishedEvents(
  messages: IntendedMessage[],
  open: Set<number>,
  touched: Set<number> | undefined,
  failed: Set<number>,
): number[] {
  const unfinished = new Set<number>();
  if (open.size > 0)
    messages.forEach(({ events }, message) => open.has(message) && events.forEach((event) => unfinished.add(event)));
  const finished = new Set<number>();
  messages.forEach(({ events }, message) => {
    if (touched && !touched.has(message)) return;
    for (const event of events) if (!unfinished.has(event) && !failed.has(event)) finished.add(event);
  });
  return [...finished].sort((a, b) => a - b);
}

/** Adds events to the runs of delivered ones. A run that ends where another begins is extended. */
export function markDelivered(database: JournalDatabase, { source, destination }: Route, events: number[]): void {
  for (let start = 0; start < events.length;) {
    let end = start;
    while (end + 1 < events.length && events[end + 1] === (events[end] ?? 0) + 1) end += 1;
    const [first, last] = [events[start] ?? 0, events[end] ?? 0];
    start = end + 1;
    const inside = database.get(
      "SELECT first, last FROM delivered WHERE source = ? AND destination = ? AND first <= ? ORDER BY first DESC LIMIT 1",
      source,
      destination,
      first,
    );
    if (inside && Number(inside["last"]) >= first - 1) {
      if (Number(inside["last"]) < last)
        database.run(
          "UPDATE delivered SET last = ? WHERE source = ? AND destination = ? AND first = ?",
          last,
          source,
          destination,
          inside["first"] as number,
        );
    } else {
      database.run(
        "INSERT INTO delivered VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
        source,
        destination,
        first,
        last,
      );
    }
  }
}

/** Writes that copies were taken out of a mailbox. The books no longer count them there: a message's, as they were, once. */
export function recordWithdrawal(
  database: JournalDatabase,
  log: Log,
  { source, destination }: Route,
  copies: WithdrawnCopy[],
  at: number,
): void {
  const distinct = new Map(copies.map((copy) => [`${copy.messageId} ${placeOf(copy)}`, copy]));
  for (const { messageId, mailbox, folder } of distinct.values()) {
    const place = placeOf({ mailbox, folder });
    database.run("INSERT OR REPLACE INTO rerouted VALUES (?, ?, ?, ?, 1)", source, destination, messageId, mailbox);
    database.run(
      "UPDATE tally SET count = count - 1 WHERE source = ? AND destination = ? AND kind = 'mailbox' AND name = ?",
      source,
      destination,
      place,
    );
    database.run(
      "DELETE FROM parked WHERE source = ? AND destination = ? AND message = ? AND place = ?",
      source,
      destination,
      messageId,
      place,
    );
  }
  database.run("DELETE FROM tally WHERE count = 0");
  log.append("withdrawal", at, [
    JSON.stringify({ source, destination }),
    ...copies.map((copy) => JSON.stringify(copy)),
  ]);
}
