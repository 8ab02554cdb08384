import { reroute as rerouteSource, type UnmappedAt } from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";
import { commandName, plural, print, shown, table } from "../output.ts";

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
  const totals = { messages: 0, copies: 0, withdrawn: 0, quarantined: 0, postponed: 0 };
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
      for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += result[key];
    }
  }
  print(json, totals, () => rerouteInWords(totals));
  return totals.postponed + totals.quarantined > 0 ? 1 : 0;
}

function rerouteInWords(
  totals: Record<"messages" | "copies" | "withdrawn" | "quarantined" | "postponed", number>,
): string {
  const { messages, copies, withdrawn, quarantined, postponed } = totals;
  return [
    `${plural(messages, "message")} with new owners: ${plural(copies, "copy", "copies")} delivered to them, ${plural(withdrawn, "copy", "copies")} taken out of the third-party data mailbox.`,
    ...(quarantined > 0
      ? [
          `${plural(quarantined, "delivery", "deliveries")} went to quarantine: "${commandName()} quarantine list" says why.`,
        ]
      : []),
    ...(postponed > 0
      ? [`${plural(postponed, "delivery", "deliveries")} will be tried again: run "${commandName()} reroute" later.`]
      : []),
  ].join("\n");
}
