import type { CaptureResult, Journal } from "@hansard/core/ingestion";
import type { FaultServer } from "../fault-server.ts";
import { openInstallation } from "../installation.ts";
import { type OpenCopy, openCopy } from "../source-copy.ts";
import { must, type Suite } from "../suite.ts";

/** Opens a fresh copy of a source that speaks HTTP, and a fresh journal. */
export async function reading(
  { connector, source }: Suite,
  work: (journal: Journal, copy: OpenCopy, server: FaultServer) => Promise<void>,
): Promise<void> {
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  try {
    if (copy.server) await work(journal, copy, copy.server);
  } finally {
    await journal.close();
  }
}

/** What the connector did not throw on purpose reaches the runner as the cause of an error that says so. */
export function mustBeInWords(result: CaptureResult, where: string): void {
  for (const { error } of result.stopped) {
    const cause = error instanceof Error ? error.cause : undefined;
    const isAccident =
      [TypeError, ReferenceError, RangeError].some((kind) => cause instanceof kind) &&
      error instanceof Error &&
      error.message.startsWith("The connector failed");
    must(
      !isAccident,
      () =>
        `${where}: the connector failed by accident: ${String(cause)}. Parse each answer, and throw an UnexpectedResponseError that names what is missing.`,
    );
  }
}
