import { writeExport } from "../export/write-export.ts";
import type { Installation } from "../installation.ts";
import { plural, print, Progress } from "../output.ts";
import { archives } from "./archive.ts";

/** Writes the first archive's messages, or those that a query finds, with all that it takes to check them offline. */
export async function exportMessages(
  installation: Installation,
  folder: string,
  { json, query }: { json?: boolean; query?: unknown },
): Promise<number> {
  const [first] = await archives(installation);
  if (!first) return 1;
  const [destination, archive] = first;
  // What is on its way is in the archive before the journal says so, and an export of that moment would not hold together.
  installation.lock();
  const progress = new Progress();
  const source = {
    journal: installation.journal,
    archive,
    destination,
    ...(typeof query === "string" ? { query } : {}),
  };
  const written = await writeExport(folder, source, (count) => progress.show(`${plural(count, "message")} written`));
  progress.end();
  const { messages, head, altered } = written;
  print(json, written, () =>
    [
      `${plural(messages, "message")} and the journal up to entry ${head.seq} written to ${folder}.`,
      `Keep the head elsewhere: ${head.hash}`,
      ...altered.map((id) => `The message ${id} is not as it was stored; verification will say so.`),
      ...(altered.length > 0 ? ['Run "hansard verify", restore the archive from a backup, and export anew.'] : []),
    ].join("\n"),
  );
  return altered.length > 0 ? 1 : 0;
}
