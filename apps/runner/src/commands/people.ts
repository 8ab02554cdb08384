import { reroute as rerouteSource, type UnmappedAt } from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";
import { commandName, plural, print, shown, table } from "../output.ts";
import { type Unfinished, unfinished, unfinishedLine } from "../problem.ts";

/** People whom no rule of the map claims. */
export async function unmappedPeople(installation: Installation, { json }: { json?: boolean }): Promise<number> {
  const unmapped = await stillUnmapped(installation);
  print(json, { people: unmapped }, () =>
    unmapped.length === 0
      ? "Everybody who took part is mapped to a mailbox."
      : table([
          ["source", "destination", "id", "name", "address", "messages"],
          ...unmapped.map(({ source, destination, participant, name, address, messages }) => [
            source,
            destination,
            shown(participant),
            shown(name ?? ""),
            shown(address ?? ""),
            messages,
          ]),
        ]),
  );
  return 0;
}

/** People whom nobody claimed when their messages were delivered, and whom the map as it is now does not claim either. */
export async function stillUnmapped(installation: Installation): Promise<UnmappedAt[]> {
  const people = await installation.people();
  const recorded = await installation.journal.unmapped();
  return recorded.filter(
    ({ source, participant, address }) =>
      people.forSource(source).known({ id: participant, ...(address && { address }) }) === undefined,
  );
}

/** Brings messages to owners that the people map has gained since they were delivered. */
export async function reroute(
  installation: Installation,
  { json, source: wanted }: { json?: boolean; source?: string },
  signal: AbortSignal,
): Promise<number> {
  installation.lock();
  const { journal, log } = installation;
  const report: RerouteReport = { messages: 0, copies: 0, withdrawn: 0, quarantined: 0, postponed: 0, unfinished: [] };
  for (const id of installation.sourceIds(wanted)) {
    const source = await installation.source(id);
    for (const destinationId of installation.destinationIds(id)) {
      const open = await installation.destination(destinationId);
      const preparation = await installation.preparation(source, open);
      const result = await rerouteSource({
        preparation,
        destinationId,
        destination: open.destination,
        journal,
        grouping: source.configuration.grouping,
        log,
        signal,
      });
      for (const key of SUMS) report[key] += result[key];
      report.unfinished.push(...unfinished(`${id} → ${destinationId}`, result));
    }
  }
  print(json, report, () => rerouteInWords(report));
  return report.unfinished.length > 0 ? 1 : 0;
}

const SUMS = ["messages", "copies", "withdrawn", "quarantined", "postponed"] as const;

/** What a rerouting did, over all sources and destinations. */
type RerouteReport = Record<(typeof SUMS)[number], number> & { unfinished: Unfinished[] };

function rerouteInWords({ messages, copies, withdrawn, unfinished: left }: RerouteReport): string {
  const again = left.length > 0 ? [`What is left: run "${commandName()} reroute" again.`] : [];
  return [
    `${plural(messages, "message")} with new owners: ${plural(copies, "copy", "copies")} delivered to them, ${plural(withdrawn, "copy", "copies")} taken out of the third-party data mailbox.`,
    ...left.map(unfinishedLine),
    ...again,
  ].join("\n");
}
