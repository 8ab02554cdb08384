import type { SourceContext } from "@hansard/core";
import type { ExportSettings } from "../schema.ts";
import { type ExportFiles, openExport } from "./export-files.ts";
import { type Catalogue, readCatalogue } from "./workspaces.ts";

/** An export that is open for as long as it is held. */
export interface OpenedExport extends AsyncDisposable {
  files: ExportFiles;
  catalogue: Catalogue;
  /** Host → how often it could not be reached in this run. */
  unreachable: Map<string, number>;
}

/** The partitions of a run share one opened export: a large one has a long table of contents. */
interface Run {
  startedAt: number;
  holders: number;
  opened: Promise<{ files: ExportFiles; catalogue: Catalogue }> | undefined;
  catalogue: Catalogue | undefined;
  unreachable: Map<string, number>;
}

const runs = new WeakMap<ExportSettings, Run>();

export async function enterExport({
  settings,
  startedAt,
}: Pick<SourceContext<ExportSettings>, "settings" | "startedAt">): Promise<OpenedExport> {
  const run = runOf(settings, startedAt.getTime());
  run.opened ??= open(settings, run.catalogue);
  run.holders += 1;
  try {
    const { files, catalogue } = await run.opened;
    run.catalogue = catalogue;
    return { files, catalogue, unreachable: run.unreachable, [Symbol.asyncDispose]: () => leave(run) };
  } catch (error) {
    run.holders -= 1;
    run.opened = undefined;
    throw error;
  }
}

function runOf(settings: ExportSettings, startedAt: number): Run {
  const known = runs.get(settings);
  if (known?.startedAt === startedAt) return known;
  const run: Run = { startedAt, holders: 0, opened: undefined, catalogue: undefined, unreachable: new Map() };
  runs.set(settings, run);
  return run;
}

async function open(
  settings: ExportSettings,
  known: Catalogue | undefined,
): Promise<{ files: ExportFiles; catalogue: Catalogue }> {
  const files = await openExport(settings.export);
  try {
    return { files, catalogue: known ?? (await readCatalogue(files, settings.export, settings.workspace)) };
  } catch (error) {
    await files.close();
    throw error;
  }
}

async function leave(run: Run): Promise<void> {
  run.holders -= 1;
  if (run.holders > 0) return;
  const opened = await run.opened;
  // Somebody may have come in meanwhile.
  if (run.holders > 0 || !opened) return;
  run.opened = undefined;
  await opened.files.close();
}
