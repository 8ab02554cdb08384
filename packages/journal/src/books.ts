import type { SourceBooks, SourceStatus } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import { readOpenIntents } from "./intents.ts";
import type { Log } from "./log.ts";

const NAMED_AT_MOST = 20;

interface Outcomes {
  delivered: number;
  quarantined: number;
  pending: number;
}

interface Route {
  source: number;
  destination: number;
}

interface Source {
  id: number;
  name: string;
  /** Those that it is to reach. */
  destinations: string[];
}

/** The books of a source: what it claims against what was captured, and what was captured against what became of it. */
export function readBooks(
  database: JournalDatabase,
  log: Log,
  { id: source, name, destinations }: Source,
): SourceBooks {
  const captured = database.number("SELECT coalesce(sum(last - first + 1), 0) FROM page WHERE source = ?", source);
  const excluded = database.number("SELECT coalesce(sum(events), 0) FROM exclusion WHERE source = ?", source);
  const gaps = database.number("SELECT coalesce(sum(events), 0) FROM gap WHERE source = ? AND closed IS NULL", source);
  const missing = claimsNotMet(database, source);
  const uncaptured = missing.reduce((sum, { events }) => sum + events, 0);
  const unlisted = Math.abs(database.number("SELECT count(*) FROM event WHERE source = ?", source) - captured);
  const reached = outcomesBySource(database, log, source);
  const outcomes = [
    ...reached,
    ...destinations
      .filter((name) => !reached.some(({ destination }) => destination === name))
      .map((destination) => ({ destination, delivered: 0, quarantined: 0, pending: captured })),
  ];
  // With several destinations an event is delivered when it has arrived at all of them.
  const worst = outcomes.toSorted((one, other) => one.delivered - other.delivered)[0];
  const { delivered, quarantined, pending } = worst ?? { delivered: 0, quarantined: 0, pending: captured };
  const lost = outcomes.flatMap(({ destination, ...those }) => {
    const events = Math.abs(captured - those.delivered - those.quarantined - those.pending);
    return events === 0 ? [] : [{ destination, events }];
  });
  return {
    id: name,
    claimed: captured + excluded + gaps + uncaptured,
    captured,
    excluded,
    gaps,
    delivered,
    quarantined,
    pending,
    unaccounted: uncaptured + unlisted + Math.max(0, ...lost.map(({ events }) => events)),
    discrepancies: sentences(missing, unlisted, lost).slice(0, NAMED_AT_MOST),
  };
}

function sentences(
  missing: { claim: string; events: number }[],
  unlisted: number,
  lost: { destination: string; events: number }[],
): string[] {
  return [
    ...missing.map(
      ({ claim, events }) =>
        `"${claim}" claims ${events} ${events === 1 ? "event" : "events"} more than were captured, excluded or declared as gaps.`,
    ),
    ...(unlisted === 0
      ? []
      : [`The journal's pages and its table of events differ by ${unlisted}. Run "hansard verify".`]),
    ...lost.map(
      ({ destination, events }) =>
        `${events} captured ${events === 1 ? "event is" : "events are"} neither delivered to "${destination}" nor quarantined nor pending, or more than one of these.`,
    ),
  ];
}

function outcomesBySource(database: JournalDatabase, log: Log, source: number): (Outcomes & { destination: string })[] {
  const destinations = database.all(
    "SELECT destination AS id, name FROM cursor JOIN destination ON destination.id = cursor.destination WHERE source = ?",
    source,
  );
  return destinations.map((row) => ({
    destination: String(row["name"]),
    ...readOutcomes(database, log, { source, destination: Number(row["id"]) }),
  }));
}

/** Claims that count more events than the journal holds, excludes or declares missing of them. */
function claimsNotMet(database: JournalDatabase, source: number): { claim: string; events: number }[] {
  const rows = database.all(
    `SELECT name, missing FROM (
       SELECT name, events - captured - overlap
         - coalesce((SELECT sum(events) FROM gap WHERE gap.source = claim.source AND gap.claim = claim.name AND closed IS NULL), 0)
         - coalesce((SELECT sum(events) FROM exclusion WHERE exclusion.source = claim.source AND exclusion.claim = claim.name), 0) AS missing
       FROM claim WHERE source = ?
     ) WHERE missing > 0 ORDER BY missing DESC`,
    source,
  );
  return rows.map((row) => ({ claim: String(row["name"]), events: Number(row["missing"]) }));
}

/** Each of the three is counted for itself; that they add up to what was captured is the proof. */
function readOutcomes(database: JournalDatabase, log: Log, route: Route): Outcomes {
  const { source, destination } = route;
  const quarantined = eventsIn(database, "quarantine", route);
  let delivered = countDelivered(database, route);
  for (const event of quarantined) if (inRuns(database, route, event)) delivered -= 1;
  const cursor = database.number("SELECT seq FROM cursor WHERE source = ? AND destination = ?", source, destination);
  const beyond = database.number(
    "SELECT coalesce(sum(last - max(first, ? + 1) + 1), 0) FROM page WHERE source = ? AND last > ?",
    cursor,
    source,
    cursor,
  );
  const underWay = eventsIn(database, "waiting", route);
  for (const { purpose, messages, deliveries } of readOpenIntents(database, log, route)) {
    if (purpose === "reroute") continue;
    const open = new Set(deliveries.map(({ message }) => message));
    for (const index of open)
      for (const event of messages[index]?.events ?? [])
        if (!quarantined.has(event) && !inRuns(database, route, event)) underWay.add(event);
  }
  return { delivered, quarantined: quarantined.size, pending: beyond + underWay.size };
}

function eventsIn(
  database: JournalDatabase,
  table: "quarantine" | "waiting",
  { source, destination }: Route,
): Set<number> {
  const rows = database.all(`SELECT event FROM ${table} WHERE source = ? AND destination = ?`, source, destination);
  return new Set(rows.map((row) => Number(row["event"])));
}

function countDelivered(database: JournalDatabase, { source, destination }: Route): number {
  const runs = database.all(
    "SELECT first, last FROM delivered WHERE source = ? AND destination = ? ORDER BY first",
    source,
    destination,
  );
  let [delivered, through] = [0, 0];
  for (const run of runs) {
    const first = Math.max(Number(run["first"]), through + 1);
    through = Math.max(through, Number(run["last"]));
    if (through >= first) delivered += through - first + 1;
  }
  return delivered;
}

function inRuns(database: JournalDatabase, { source, destination }: Route, event: number): boolean {
  const run = database.get(
    "SELECT last FROM delivered WHERE source = ? AND destination = ? AND first <= ? ORDER BY first DESC LIMIT 1",
    source,
    destination,
    event,
  );
  return run !== undefined && Number(run["last"]) >= event;
}

/** What a source has done so far, from the sums that every settlement keeps. */
export function readStatus(database: JournalDatabase, source: number): SourceStatus {
  const row = database.get("SELECT name, connector FROM source WHERE id = ?", source);
  const lastCaptured = database.number(
    "SELECT at FROM entry JOIN page ON page.entry = entry.seq WHERE page.source = ? ORDER BY entry.seq DESC LIMIT 1",
    source,
  );
  const lastDelivered = database.number(
    "SELECT max(at) FROM entry JOIN settlement ON settlement.entry = entry.seq WHERE settlement.intent = (SELECT max(entry) FROM intent WHERE source = ?)",
    source,
  );
  return {
    id: String(row?.["name"]),
    connector: String(row?.["connector"]),
    captured: database.number("SELECT coalesce(sum(last - first + 1), 0) FROM page WHERE source = ?", source),
    destinations: talliesOf(database, source),
    quarantined: database.number("SELECT count(DISTINCT event) FROM quarantine WHERE source = ?", source),
    coverage: coverageOf(database, source),
    openGaps: database.number("SELECT count(*) FROM gap WHERE source = ? AND closed IS NULL", source),
    followUps: database.number("SELECT count(*) FROM follow_up WHERE source = ?", source),
    partitions: database.number("SELECT count(*) FROM checkpoint WHERE source = ?", source),
    ...(lastCaptured ? { lastCapturedAt: new Date(lastCaptured).toISOString() } : {}),
    ...(lastDelivered ? { lastDeliveredAt: new Date(lastDelivered).toISOString() } : {}),
  };
}

function coverageOf(database: JournalDatabase, source: number): SourceStatus["coverage"] {
  const rows = database.all(
    "SELECT partition, min(day) AS first, max(day) AS last, count(*) AS days, sum(events) AS events FROM coverage WHERE source = ? GROUP BY partition ORDER BY partition",
    source,
  );
  return rows.map((row) => ({
    partition: String(row["partition"]),
    firstDay: String(row["first"]),
    lastDay: String(row["last"]),
    days: Number(row["days"]),
    events: Number(row["events"]),
  }));
}

function talliesOf(database: JournalDatabase, source: number): SourceStatus["destinations"] {
  const rows = database.all(
    "SELECT destination.name AS destination, kind, tally.name AS name, count FROM tally JOIN destination ON destination.id = tally.destination WHERE source = ? ORDER BY destination.name, kind, tally.name",
    source,
  );
  const destinations: SourceStatus["destinations"] = {};
  for (const row of rows) {
    const { byClass, byMailbox } = (destinations[String(row["destination"])] ??= { byClass: {}, byMailbox: {} });
    (row["kind"] === "class" ? byClass : byMailbox)[String(row["name"])] = Number(row["count"]);
  }
  return destinations;
}
