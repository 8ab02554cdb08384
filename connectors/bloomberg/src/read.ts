import type { ReadContext } from "@hansard/core";
import {
  absenceGap,
  type Batch,
  DEFAULT_BOUNDS,
  forgetVanished,
  openDrop,
  openKeys,
  openLedger,
  readDrop,
  refusalGap,
  Spool,
} from "@hansard/file-drop";
import { readBatch } from "./read/batch.ts";
import { checkpointOf, type Coverage, coverDays } from "./read/coverage.ts";
import { describe, parseManifest } from "./read/names.ts";
import type { BloombergPage } from "./read/page-writer.ts";
import type { Checkpoint, Settings } from "./schema.ts";

/** Changes when the reader learns to believe files that it refused before. */
const READER = "bloomberg 1";

/** Reads every file that is new in the drop, a firm's day at a time, and tells what is refused, missing or late. */
export async function* read(context: ReadContext<Settings, Checkpoint>): AsyncGenerator<BloombergPage> {
  const { settings, checkpoint, startedAt, signal, log } = context;
  const ledger = openLedger(checkpoint?.files);
  const coverage: Coverage = { covered: new Set(checkpoint?.coveredDays), missing: new Set(checkpoint?.missingDays) };
  const keys = settings.pgp && (await openKeys(settings.pgp));
  const drop = await openDrop(settings.drop);
  try {
    const batches = readDrop({
      drop,
      ledger,
      completion: settings.completion,
      keys,
      bounds: {
        ...DEFAULT_BOUNDS,
        maxFileBytes: settings.maxFileBytes,
        maxRatio: settings.maxRatio,
        maxMembers: settings.maxMembers,
      },
      spoolFolder: settings.spoolFolder,
      reader: READER,
      describe: (path) => describe(path, settings.ignore),
      parseManifest,
      startedAt,
      signal,
      log,
    });
    for await (const batch of batches) {
      const problems = problemsOf(batch);
      if (problems) yield { ...problems, checkpoint: checkpointOf(ledger, coverage) };
      await using spool = new Spool({ folder: settings.spoolFolder });
      for await (const page of readBatch(batch, { ...context, ledger, spool })) {
        signal.throwIfAborted();
        // The ledger moves on only with the page that completes the batch; a batch that is cut short is read anew.
        yield page.complete ? { ...page.page, checkpoint: checkpointOf(ledger, coverage) } : page.page;
      }
    }
    forgetVanished(ledger, startedAt);
    const days = coverDays({ settings, ledger, coverage, now: startedAt });
    yield { events: [], ...days, checkpoint: checkpointOf(ledger, coverage) };
  } finally {
    await drop.close();
  }
}

function problemsOf({ refused, absent, closed, group }: Batch): BloombergPage | undefined {
  if (refused.length === 0 && absent.length === 0 && closed.length === 0) return undefined;
  const gaps = [...refused.map(refusalGap), ...absent.map((path) => absenceGap(path, `the manifest of ${group}`))];
  return { events: [], gaps, closed };
}
