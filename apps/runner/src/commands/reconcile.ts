import type { Installation, OpenSource } from "../installation.ts";
import { plural, print, shown, table } from "../output.ts";

/** What a source has by its own account, id by id, against the journal. */
interface Comparison {
  source: string;
  /** How many ids the source gave. Absent: it cannot list what it has. */
  listed?: number;
  /** Ids that the journal lacks. What a known gap explains is among them. */
  missing: number;
  /** The first of them. */
  examples: string[];
}

const EXAMPLES = 20;

/**
 * The books: what each source claims against what was captured, and what became of it. With `askSources`, each source is
 * also asked for the ids of all that it has. Exit code 1 where the books do not balance or an id is missing.
 */
export async function reconcile(
  installation: Installation,
  { json, askSources }: { json?: boolean; askSources?: unknown },
  signal: AbortSignal,
): Promise<number> {
  const sources = await installation.books();
  const balanced = sources.every(({ unaccounted }) => unaccounted === 0);
  const compared = askSources ? await compareAll(installation, signal) : undefined;
  const columns = [
    "claimed",
    "captured",
    "excluded",
    "gaps",
    "delivered",
    "quarantined",
    "pending",
    "unaccounted",
  ] as const;
  print(json, { sources, balanced, ...(compared && { compared }) }, () => {
    const rows = sources.map((source) => [source.id, ...columns.map((column) => source[column])]);
    const wrong = sources.flatMap(({ id, discrepancies }) => discrepancies.map((sentence) => `${id}: ${sentence}`));
    return [
      table([["source", ...columns], ...rows]),
      ...wrong,
      ...(compared ?? []).map(inWords),
      balanced ? "The books balance." : "THE BOOKS DO NOT BALANCE.",
    ].join("\n");
  });
  return balanced && !compared?.some(({ missing }) => missing > 0) ? 0 : 1;
}

async function compareAll(installation: Installation, signal: AbortSignal): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  for (const id of installation.sourceIds()) {
    const source = await installation.source(id);
    await installation.journal.openSource({ id, connector: source.connector.id, version: source.version });
    compared.push(await compare(installation, source, signal));
  }
  return compared;
}

async function compare(installation: Installation, source: OpenSource, signal: AbortSignal): Promise<Comparison> {
  const comparison: Comparison = { source: source.id, missing: 0, examples: [] };
  const ids = source.connector.enumerate?.(installation.sourceContext(source, signal));
  if (!ids) return comparison;
  comparison.listed = 0;
  for await (const { key, version } of ids) {
    comparison.listed += 1;
    if (await isCaptured(installation, source.id, key, version)) continue;
    comparison.missing += 1;
    if (comparison.examples.length < EXAMPLES) comparison.examples.push(version ? `${key} ${version}` : key);
  }
  return comparison;
}

async function isCaptured(
  { journal }: Installation,
  source: string,
  key: string,
  version: string | undefined,
): Promise<boolean> {
  for await (const known of journal.captured(source, { from: key, to: `${key}\u0000` }))
    if (version === undefined || known.version === version) return true;
  return false;
}

function inWords({ source, listed, missing, examples }: Comparison): string {
  if (listed === undefined) return `${source} cannot list what it has; its claims and its documentation must do.`;
  if (missing === 0) return `${source} lists ${plural(listed, "id")}, and the journal has each of them.`;
  const more = missing > examples.length ? `, and ${missing - examples.length} more` : "";
  return `${source} lists ${plural(listed, "id")}, of which the journal lacks ${missing}: ${shown(examples.join(", "))}${more}. Run "hansard run", then look at "hansard gaps".`;
}
