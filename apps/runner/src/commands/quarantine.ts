import { SettingsError } from "@hansard/core";
import { deliverAgain, type QuarantineEntry, singleEvent } from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";
import { plural, print, shown } from "../output.ts";

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
  const totals = { tried: entries.length, delivered: 0, quarantined: 0 };
  for (const group of Object.values(
    Object.groupBy(entries, ({ source: from, destination }) => JSON.stringify([from, destination])),
  )) {
    const result = await retryGroup(installation, group ?? [], signal);
    totals.delivered += result.messages;
    totals.quarantined += result.quarantined;
  }
  print(
    json,
    totals,
    () =>
      `${plural(totals.tried, "event")} tried again: ${totals.delivered} delivered, ${totals.quarantined} still in quarantine.`,
  );
  return totals.quarantined > 0 ? 1 : 0;
}

async function retryGroup(installation: Installation, entries: QuarantineEntry[], signal: AbortSignal) {
  const [first] = entries;
  if (!first) return { messages: 0, quarantined: 0 };
  const { journal, log } = installation;
  const source = await installation.source(first.source);
  const open = await installation.destination(first.destination);
  const events = await journal.events(entries.map(({ event }) => event));
  const options = {
    preparation: await installation.preparation(source, open),
    destinationId: first.destination,
    destination: open.destination,
    journal,
    grouping: "event" as const,
    log,
    signal,
  };
  const sources = events.map(async (event) => {
    const addresses = await addressesOf(installation, first.destination, event.seq);
    return singleEvent(event, source.connector, addresses);
  });
  return deliverAgain(options, await Promise.all(sources));
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
