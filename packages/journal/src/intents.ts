import type {
  Folder,
  IntendedMessage,
  IntendedTarget,
  Intent,
  OpenDelivery,
  OpenIntent,
} from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Log } from "./log.ts";
import { countUnmapped, recordQuarantine } from "./quarantine.ts";
import { moveCursor, release } from "./waiting.ts";

export interface Route {
  source: number;
  destination: number;
}

/** Writes an intent within the caller's transaction and gives its number, which is its entry's. */
export function recordIntent(
  database: JournalDatabase,
  log: Log,
  { source, destination }: Route,
  intent: Intent,
  followSingly: boolean,
  at: number,
): number {
  const { messages, quarantined, unmapped, takenThrough, released = [], ...header } = intent;
  for (const event of quarantined) recordQuarantine(database, { source, destination }, event, at);
  for (const person of unmapped) countUnmapped(database, { source, destination }, person);
  if (takenThrough !== undefined) moveCursor(database, { source, destination }, takenThrough);
  release(database, { source, destination }, messages, released);
  const { lists, numbers } = targetLists(messages);
  const head = JSON.stringify({ ...header, takenThrough, quarantined, released, targets: lists });
  const id = log.append("intent", at, intentLines(head, messages, numbers));
  latest.set(log, { id, intent });
  if (messages.length === 0) return id;
  let [first, last] = [Infinity, 0];
  for (const { events } of messages) {
    for (const seq of events) {
      if (seq < first) first = seq;
      if (seq > last) last = seq;
    }
  }
  database.run("INSERT INTO intent VALUES (?, ?, ?, ?, ?, 1)", id, source, destination, first, last);
  if (intent.purpose === "retry") {
    for (const seq of messages.flatMap(({ events }) => events))
      database.run(
        "DELETE FROM quarantine WHERE source = ? AND destination = ? AND event = ?",
        source,
        destination,
        seq,
      );
  }
  if (followSingly) {
    const insert = database.prepare("INSERT INTO delivery (intent, message, target) VALUES (?, ?, ?)");
    messages.forEach(({ targets }, message) => targets.forEach((_, target) => insert.run(id, message, target)));
  }
  return id;
}

/** Most messages of a batch go to the same few lists of mailboxes: the header holds each list once, and the lines its number. */
function targetLists(messages: IntendedMessage[]): { lists: IntendedTarget[][]; numbers: number[] } {
  const lists: IntendedTarget[][] = [];
  const known = new Map<string, number>();
  const numbers = messages.map(({ targets }) => {
    let key = "";
    for (const { mailbox, folder, rule } of targets) key += `${mailbox}\n${folderKey(folder)}\n${rule}\n`;
    let number = known.get(key);
    if (number === undefined) {
      number = lists.push(targets) - 1;
      known.set(key, number);
    }
    return number;
  });
  return { lists, numbers };
}

function* intentLines(head: string, messages: IntendedMessage[], numbers: number[]): Generator<string> {
  yield head;
  for (const [index, message] of messages.entries()) yield JSON.stringify({ ...message, targets: numbers[index] });
}

function folderKey(folder: Folder): string {
  return folder.kind === "visible" ? JSON.stringify(folder.path) : folder.kind;
}

/** The intent that was written last is settled next: it need not be read back. */
const latest = new WeakMap<Log, { id: number; intent: Intent }>();

/** An intent as its entry tells it. */
export function readIntent(log: Log, id: number): Intent {
  const known = latest.get(log);
  if (known?.id === id) return known.intent;
  const [header = "{}", ...lines] = log.body(id).lines();
  const { targets: lists, ...intent } = JSON.parse(header);
  const messages = lines.map((line): IntendedMessage => {
    const { targets, ...message } = JSON.parse(line);
    return { ...message, targets: lists[targets] };
  });
  return { unmapped: [], ...intent, messages };
}

/** The intents that are not settled whole, the oldest first, with what is left of them. */
export function readOpenIntents(database: JournalDatabase, log: Log, { source, destination }: Route): OpenIntent[] {
  const open = database.all(
    "SELECT entry FROM intent WHERE source = ? AND destination = ? AND open ORDER BY entry",
    source,
    destination,
  );
  return open.map((row) => {
    const id = Number(row["entry"]);
    const { quarantined: _, unmapped: __, ...intent } = readIntent(log, id);
    const rows = database.all("SELECT * FROM delivery WHERE intent = ? ORDER BY message, target", id);
    const deliveries =
      rows.length > 0 ? rows.map((delivery) => openDelivery(id, delivery)) : unsettledWhole(id, intent.messages);
    return { ...intent, id, deliveries };
  });
}

/** Without single deliveries, nothing of an open intent is known to have arrived: all of it is submitted anew. */
function unsettledWhole(intent: number, messages: IntendedMessage[]): OpenDelivery[] {
  return messages.flatMap(({ targets }, message) =>
    targets.map((_, target) => ({
      id: deliveryId(intent, message, target),
      message,
      target,
      submittedAt: 0,
      attempts: 1,
    })),
  );
}

function openDelivery(intent: number, row: Record<string, unknown>): OpenDelivery {
  const [message, target] = [Number(row["message"]), Number(row["target"])];
  return {
    id: deliveryId(intent, message, target),
    message,
    target,
    attempts: Number(row["attempts"]),
    ...(row["submitted_at"] === null ? {} : { submittedAt: Number(row["submitted_at"]) }),
    ...(row["retry_at"] === null ? {} : { retryAt: Number(row["retry_at"]) }),
  };
}

/** The journal's id of a delivery, the same at every attempt. */
export function deliveryId(intent: number, message: number, target: number): string {
  return `${intent}.${message}.${target}`;
}

export function recordSubmitted(
  database: JournalDatabase,
  intent: number,
  deliveries: { message: number; target: number }[],
  at: number,
): void {
  const update = database.prepare(
    "UPDATE delivery SET submitted_at = ?, retry_at = NULL, attempts = attempts + 1 WHERE intent = ? AND message = ? AND target = ?",
  );
  for (const { message, target } of deliveries) update.run(at, intent, message, target);
}
