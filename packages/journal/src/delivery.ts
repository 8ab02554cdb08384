import type {
  Folder,
  IntendedMessage,
  IntendedTarget,
  Intent,
  OpenDelivery,
  OpenIntent,
  QuarantinedEvent,
  Settlement,
  Trace,
  UnmappedPerson,
  WaitingGroup,
  WithdrawnCopy,
} from "@hansard/core/ingestion";
import { folderName } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Log } from "./log.ts";

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
  for (const person of unmapped) countUnmapped(database, source, person);
  if (takenThrough !== undefined) moveCursor(database, { source, destination }, takenThrough);
  release(database, { source, destination }, messages, released);
  const { lists, lines } = messageLines(messages);
  const id = log.append("intent", at, [
    JSON.stringify({ ...header, takenThrough, quarantined, released, targets: lists }),
    ...lines,
  ]);
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
function messageLines(messages: IntendedMessage[]): { lists: IntendedTarget[][]; lines: string[] } {
  const lists: IntendedTarget[][] = [];
  const numbers = new Map<string, number>();
  const lines = messages.map(({ targets, ...message }) => {
    let key = "";
    for (const { mailbox, folder, rule } of targets) key += `${mailbox}\n${folderKey(folder)}\n${rule}\n`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = lists.push(targets) - 1;
      numbers.set(key, number);
    }
    return JSON.stringify({ ...message, targets: number });
  });
  return { lists, lines };
}

function folderKey(folder: Folder): string {
  return folder.kind === "visible" ? JSON.stringify(folder.path) : folder.kind;
}

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
  tally(database, route, intent, settlements);
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

/** In bulk every item of a request shares its correlation id, so the header holds it and the lines only what differs. */
function settlementLines(intent: number, settlements: Settlement[]): string[] {
  let shared: string | undefined;
  for (const { result } of settlements) if (result.status === "delivered") shared ??= result.receipt.correlationId;
  const lines = settlements.map(({ message, target, result }) =>
    result.status === "delivered" && result.receipt.correlationId === shared
      ? `[${message},${target},${JSON.stringify(result.receipt.itemId)}]`
      : JSON.stringify([message, target, result]),
  );
  return [JSON.stringify({ intent, correlationId: shared }), ...lines];
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

function tally(
  database: JournalDatabase,
  { source, destination }: Route,
  { messages, purpose }: Intent,
  settlements: Settlement[],
): void {
  const counts = new Map<string, number>();
  const purges = new Map<string, number>();
  const counted = new Set<number>();
  for (const { message: index, target, result } of settlements) {
    const message = messages[index];
    if (!message || (result.status !== "delivered" && result.status !== "redirected")) continue;
    const { mailbox, folder } =
      result.status === "redirected" ? result.to : (message.targets[target] ?? unknownTarget(index, target));
    // Nearly all go there, and a key for each copy would cost more than the counting.
    if (folder.kind === "purges") add(purges, mailbox);
    else add(counts, `mailbox\n${mailbox}/${folderName(folder)}`);
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
    if (target === 0 && !counted.has(index)) {
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

/** Writes that copies were taken out of a mailbox. The books no longer count them there. */
export function recordWithdrawal(
  database: JournalDatabase,
  log: Log,
  { source, destination }: Route,
  copies: WithdrawnCopy[],
  at: number,
): void {
  for (const { messageId, mailbox, folder } of copies) {
    database.run("INSERT OR REPLACE INTO rerouted VALUES (?, ?, ?, ?, 1)", source, destination, messageId, mailbox);
    database.run(
      "UPDATE tally SET count = count - 1 WHERE source = ? AND destination = ? AND kind = 'mailbox' AND name = ?",
      source,
      destination,
      `${mailbox}/${folderName(folder)}`,
    );
  }
  database.run("DELETE FROM tally WHERE count = 0");
  log.append("withdrawal", at, [
    JSON.stringify({ source, destination }),
    ...copies.map((copy) => JSON.stringify(copy)),
  ]);
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function unknownTarget(message: number, target: number): never {
  throw new Error(`Target ${target} of message ${message} is not part of its intent.`);
}

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

function countUnmapped(
  database: JournalDatabase,
  source: number,
  { participant, name, address, messages }: UnmappedPerson,
): void {
  database.run(
    "INSERT INTO unmapped VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET messages = messages + excluded.messages, name = coalesce(excluded.name, name), address = coalesce(excluded.address, address)",
    source,
    participant,
    name ?? null,
    address ?? null,
    messages,
  );
}

function moveCursor(database: JournalDatabase, { source, destination }: Route, seq: number): void {
  database.run(
    "INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
    source,
    destination,
    seq,
  );
}

function release(
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

/** The intent that was written last is settled next: it need not be read back. */
const latest = new WeakMap<Log, { id: number; intent: Intent }>();

/** An intent as its entry tells it. */
export function readIntent(log: Log, id: number): Intent {
  const known = latest.get(log);
  if (known?.id === id) return known.intent;
  const [header = "{}", ...lines] = log.lines(id);
  const { targets: lists, ...intent } = JSON.parse(header);
  const messages = lines.map((line): IntendedMessage => {
    const { targets, ...message } = JSON.parse(line);
    return { ...message, targets: lists[targets] };
  });
  return { unmapped: [], ...intent, messages };
}

/** What became of each message of an intent, over all its settlements; the last word on a target counts. */
export function readTraces(database: JournalDatabase, log: Log, id: number): Trace[] {
  const { destination, messages, purpose } = readIntent(log, id);
  const results: Settlement["result"][][] = messages.map(() => []);
  for (const row of database.all("SELECT entry FROM settlement WHERE intent = ? ORDER BY entry", id)) {
    const [header = "{}", ...lines] = log.lines(Number(row["entry"]));
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
