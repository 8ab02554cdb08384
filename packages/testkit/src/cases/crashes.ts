import { cp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Destination, type Journal, messageId } from "@hansard/core/ingestion";
import { Crash, Failpoints, withFailpoints } from "../failpoints.ts";
import {
  booksOf,
  deliverFrom,
  type Installation,
  installationIn,
  openInstallation,
  readInto,
  SOURCE,
  stoppedBy,
} from "../installation.ts";
import { type OpenCopy, openCopy } from "../source-copy.ts";
import { type Case, listed, must, type Suite } from "../suite.ts";
import { mustBeWhole } from "./resuming.ts";

export function crashCases(suite: Suite): Case[] {
  return [
    {
      id: "crash",
      name: "a crash before and after every step of reading, journaling and delivering loses nothing and doubles nothing",
      timeoutMs: 600_000,
      run: () => survivesEveryCrash(suite),
    },
  ];
}

const MOST_CRASHES = 400;

async function survivesEveryCrash(suite: Suite): Promise<void> {
  const { failpoints: calm, ...expected } = await crashAndRecover(suite);
  const crashes = calm.states.flatMap((state, index) => (state === calm.states[index + 1] ? [] : [index + 1]));
  must(
    crashes.length <= MOST_CRASHES,
    `Reading and delivering the source that the suite is given has ${crashes.length} states in which it can crash. Give a smaller one, of at most ${MOST_CRASHES}.`,
  );
  for (const step of crashes) {
    const { delivered, quarantined } = await crashAndRecover(suite, step);
    must(
      delivered === expected.delivered && quarantined === expected.quarantined,
      `After a crash ${calm.steps[step - 1]} (step ${step} of ${calm.steps.length}): ${delivered} events are delivered and ${quarantined} quarantined, and should be ${expected.delivered} and ${expected.quarantined}.`,
    );
  }
}

interface Recovered {
  delivered: number;
  quarantined: number;
  failpoints: Failpoints;
}

/** One run that ends at a step, or not at all, and one that goes on from what is on the disk. */
async function crashAndRecover(suite: Suite, crashAt = Infinity): Promise<Recovered> {
  await using copy = await openCopy(suite.connector, suite.source);
  await using installation = await openInstallation();
  const stop = new AbortController();
  const failpoints = new Failpoints({
    crashAt,
    onCrash: () => stop.abort(new Error("The process has crashed.")),
    // Asking changes nothing at the source, unless it was more than a GET, such as the exchange of a token.
    asked: () => copy.server?.seen.filter(({ method }) => method !== "GET").length ?? 0,
  });
  const batchEvents = Math.max(1, Math.ceil(suite.source.events / 3));
  await runOnce(suite, copy, installation, failpoints, { batchEvents, signal: stop.signal });
  const { length } = failpoints.steps;
  const where = failpoints.crashed ? `After a crash ${failpoints.steps.at(-1)} (step ${length})` : "Without a crash";
  const again = installationIn(installation.folder);
  const journal = again.openJournal();
  const destination = await again.openArchive(journal);
  try {
    const result = await readInto(journal, suite.connector, copy);
    must(result.stopped.length === 0, () => `${where}: the next read stopped: ${stoppedBy(result)}`);
    await deliverFrom(journal, suite.connector, destination, batchEvents);
    return { ...(await verified(suite, journal, destination, where)), failpoints };
  } finally {
    await destination.close();
    await journal.close();
  }
}

/** Reads and delivers until the crash; the journal's files are then kept as they lay on the disk at that instant. */
async function runOnce(
  { connector }: Suite,
  copy: OpenCopy,
  installation: Installation,
  failpoints: Failpoints,
  { batchEvents, signal }: { batchEvents: number; signal: AbortSignal },
): Promise<void> {
  const journal = installation.openJournal();
  let destination: Destination | undefined;
  try {
    const watched = withFailpoints(journal, failpoints);
    const result = await readInto(watched, connector, copy, { signal });
    must(failpoints.crashed || result.stopped.length === 0, () => `The read stopped: ${stoppedBy(result)}`);
    destination = failpoints.crashed ? undefined : await installation.openArchive(journal);
    if (destination) await deliverFrom(watched, connector, withFailpoints(destination, failpoints), batchEvents);
  } catch (error) {
    if (!(error instanceof Crash) && !failpoints.crashed) throw error;
  }
  const [live, kept] = [join(installation.folder, "journal"), join(installation.folder, "journal-at-the-crash")];
  if (failpoints.crashed) await cp(live, kept, { recursive: true });
  await destination?.close();
  await journal.close();
  if (!failpoints.crashed) return;
  await rm(live, { recursive: true });
  await rename(kept, live);
}

async function verified(
  suite: Suite,
  journal: Journal,
  destination: Destination,
  where: string,
): Promise<{ delivered: number; quarantined: number }> {
  await mustBeWhole(suite, journal, where);
  const { delivered, quarantined, pending, captured } = await booksOf(journal);
  must(
    pending === 0 && delivered + quarantined === captured,
    `${where}: of ${captured} events ${delivered} are delivered, ${quarantined} quarantined and ${pending} pending.`,
  );
  const { problems } = await journal.verify();
  must(problems.length === 0, () => `${where}: the journal does not verify: ${listed(problems)}.`);
  await mustHoldEachOnce(journal, destination, { delivered, where });
  const damage = await destination.archive?.verify();
  must(damage?.length === 0, () => `${where}: the archive does not verify: ${listed(damage ?? [])}.`);
  return { delivered, quarantined };
}

async function mustHoldEachOnce(
  journal: Journal,
  destination: Destination,
  { delivered, where }: { delivered: number; where: string },
): Promise<void> {
  const stored: string[] = [];
  for await (const message of destination.archive?.list() ?? []) {
    stored.push(message.messageId);
    const copies = new Set(message.copies.map(({ mailbox, folder }) => `${mailbox}/${folder}`));
    must(copies.size === message.copies.length, `${where}: a mailbox holds ${message.messageId} twice.`);
  }
  const expected = new Set<string>();
  for await (const { key, version } of journal.captured(SOURCE, { from: "", to: "\u{10ffff}" }))
    expected.add(messageId(journal.installation, SOURCE, key, version));
  const strange = stored.filter((id) => !expected.has(id));
  must(
    strange.length === 0 && new Set(stored).size === stored.length,
    `${where}: the archive holds ${strange.length} messages that no event stands for, or one twice.`,
  );
  must(
    stored.length === delivered,
    `${where}: ${delivered} events are delivered by the books, and the archive holds ${stored.length} messages.`,
  );
}
