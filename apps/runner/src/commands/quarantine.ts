import { SettingsError } from "@hansard/core";
import { deliverAgain, type QuarantineEntry, singleEvent } from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";
import { commandName, plural, print, shown } from "../output.ts";
import { type Unfinished, unfinished, unfinishedLine } from "../problem.ts";

export async function listQuarantine(
  installation: Installation,
  { json, source }: { json?: boolean; source?: string },
): Promise<number> {
  const entries = await installation.journal.quarantine(source === undefined ? {} : { source });
  print(json, { quarantine: entries }, () =>
    entries.length === 0
      ? "The quarantine is empty."
      : entries
          .map(
            ({ id, source: from, type, eventKey, reason, remedy }) =>
              `${id}  ${from} ${type} ${shown(eventKey)}\n    ${shown(reason)}${remedy ? ` ${shown(remedy)}` : ""}`,
          )
          .join("\n"),
  );
  return 0;
}

/** One entry with the event's raw data. */
export async function showQuarantine(
  installation: Installation,
  id: number,
  { json }: { json?: boolean },
): Promise<number> {
  const entry = (await installation.journal.quarantine()).find((candidate) => candidate.id === id);
  if (!entry)
    throw new SettingsError(`The quarantine has no entry ${id}.`, { remedy: 'Run "hansard quarantine list".' });
  const [event] = await installation.journal.events([entry.event]);
  print(
    json,
    { ...entry, raw: event },
    () => `${shown(entry.reason)}\n${entry.remedy ?? ""}\n${JSON.stringify(event, undefined, 2)}`,
  );
  return 0;
}

/** Maps and delivers quarantined events again. What fails again stays, with the new reason. */
export async function retryQuarantine(
  installation: Installation,
  ids: number[],
  { json, source }: { json?: boolean; source?: string },
  signal: AbortSignal,
): Promise<number> {
  installation.lock();
  const entries = (await installation.journal.quarantine(source === undefined ? {} : { source })).filter(
    ({ id }) => ids.length === 0 || ids.includes(id),
  );
  const report: RetryReport = { tried: entries.length, delivered: 0, quarantined: 0, waiting: 0, unfinished: [] };
  for (const group of Map.groupBy(entries, ({ source: from, destination }) =>
    JSON.stringify([from, destination]),
  ).values())
    await retryGroup(installation, group, report, signal);
  print(json, report, () => retryInWords(report));
  return report.quarantined + report.waiting + report.unfinished.length > 0 ? 1 : 0;
}

/** What became of events that were tried again; the next run goes on with those that wait. */
interface RetryReport {
  tried: number;
  delivered: number;
  quarantined: number;
  waiting: number;
  unfinished: Unfinished[];
}

function retryInWords({ tried, delivered, quarantined, waiting, unfinished: left }: RetryReport): string {
  const waits = waiting > 0 ? [`${waiting} waiting for the next "${commandName()} run"`] : [];
  const became = [`${delivered} delivered`, `${quarantined} still in quarantine`, ...waits].join(", ");
  return [`${plural(tried, "event")} tried again: ${became}.`, ...left.map(unfinishedLine)].join("\n");
}

/** Tries again what one destination did not get of one source. */
async function retryGroup(
  installation: Installation,
  entries: QuarantineEntry[],
  report: RetryReport,
  signal: AbortSignal,
): Promise<void> {
  const [first] = entries;
  if (!first) return;
  const { journal, log } = installation;
  const source = await installation.source(first.source);
  const open = await installation.destination(first.destination);
  const events = await journal.events(entries.map(({ event }) => event));
  const sources = events.map(async (event) => {
    const addresses = await addressesOf(installation, first.destination, event.seq);
    return singleEvent(event, source.connector, addresses);
  });
  const options = {
    preparation: await installation.preparation(source, open),
    destinationId: first.destination,
    destination: open.destination,
    journal,
    grouping: "event" as const,
    log,
    signal,
  };
  const result = await deliverAgain(options, await Promise.all(sources));
  report.unfinished.push(...unfinished(`${first.source} → ${first.destination}`, result));
  await count(installation, entries, first, report);
}

/** The journal says where each event stands now. */
async function count(
  { journal }: Installation,
  entries: QuarantineEntry[],
  { source, destination }: QuarantineEntry,
  report: RetryReport,
): Promise<void> {
  const left = (await journal.quarantine({ source })).filter((entry) => entry.destination === destination);
  const quarantined = new Set(left.map(({ event }) => event));
  const open = await journal.openIntents(source, destination);
  const waiting = new Set(
    open.flatMap(({ messages, deliveries }) => deliveries.flatMap(({ message }) => messages[message]?.events ?? [])),
  );
  for (const { event } of entries) {
    if (quarantined.has(event)) report.quarantined += 1;
    else if (waiting.has(event)) report.waiting += 1;
    else report.delivered += 1;
  }
}

/** Some of its copies may have arrived: what is made of it now must be the same mail. Undefined: it never became one. */
async function addressesOf(
  { journal }: Installation,
  destination: string,
  event: number,
): Promise<Record<string, string> | undefined> {
  const before = (await journal.trace(event)).find((trace) => trace.destination === destination);
  return before && (before.message.addresses ?? {});
}
