import type { Installation } from "../installation.ts";
import { plural, print, shown, table } from "../output.ts";

/** What each source has done so far. */
export async function status(installation: Installation, { json }: { json?: boolean }): Promise<number> {
  const sources = await installation.journal.status();
  print(json, { sources }, () =>
    sources.length === 0
      ? "Nothing was captured yet."
      : sources
          .map((source) => {
            const facts = [
              [`  captured`, plural(source.captured, "event")],
              [`  last captured`, source.lastCapturedAt ?? "never"],
              [`  last delivered`, source.lastDeliveredAt ?? "never"],
              [`  in quarantine`, plural(source.quarantined, "event")],
              [`  open gaps`, String(source.openGaps)],
              [`  follow-ups owed`, String(source.followUps)],
            ];
            return [
              `${source.id} (${source.connector})`,
              table(facts),
              ...Object.entries(source.destinations).flatMap(([destination, { byClass, byMailbox }]) => [
                `  at ${destination}`,
                table(counts(byClass)),
                table(counts(byMailbox)),
              ]),
            ]
              .filter(Boolean)
              .join("\n");
          })
          .join("\n\n"),
  );
  return 0;
}

function counts(record: Record<string, number>): (string | number)[][] {
  return Object.entries(record).map(([name, count]) => [`    ${shown(name)}`, count]);
}

/** Known holes: what exists at the source and could not be captured. */
export async function gaps(
  installation: Installation,
  { json, source }: { json?: boolean; source?: string },
): Promise<number> {
  const open = await installation.journal.gaps({ open: true, ...(source === undefined ? {} : { source }) });
  print(json, { gaps: open }, () =>
    open.length === 0
      ? "No gap is known."
      : open
          .map(
            ({ source: id, reason, remedy, since }) =>
              `${id}, since ${since}: ${shown(reason)}${remedy ? ` ${shown(remedy)}` : ""}`,
          )
          .join("\n"),
  );
  return 0;
}

/** Recomputes the journal's hash chain, and has each destination that can re-hash what it stored. */
export async function verify(installation: Installation, { json }: { json?: boolean }): Promise<number> {
  const journal = await installation.journal.verify();
  const destinations: Record<string, string[]> = {};
  for (const id of Object.keys(installation.config.destinations)) {
    const { destination } = await installation.destination(id);
    const problems = await (destination.verify?.() ?? destination.archive?.verify());
    if (problems) destinations[id] = problems;
  }
  const sound = journal.problems.length === 0 && Object.values(destinations).every((problems) => problems.length === 0);
  print(json, { journal, destinations, sound }, () =>
    [
      `Journal: ${plural(journal.entries, "entry", "entries")}, ${plural(journal.events, "event")}, ${plural(journal.blobs, "file")}; head ${journal.head}`,
      ...journal.problems.map((problem) => `  ${problem}`),
      ...Object.entries(destinations).flatMap(([id, problems]) => [
        `${id}: ${problems.length === 0 ? "every message is as it was stored" : plural(problems.length, "problem")}`,
        ...problems.map((problem) => `  ${problem}`),
      ]),
      sound ? "All is as it was written." : "SOMETHING IS NOT AS IT WAS WRITTEN.",
    ].join("\n"),
  );
  return sound ? 0 : 1;
}
