import { join } from "node:path";
import { openArchive } from "@hansard/archive";
import { type Journal, loadPeopleMap, routeMessage } from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { scenarioConnector, scenarioEvents } from "./scenario-connector.ts";
import type { Scenario } from "./scenarios.ts";

/**
 * Says what is wrong with the folder of a scenario that came to its end: everything must be there once, as the source's own
 * definition says.
 */
export async function inspectFolder(folder: string, scenario: Scenario): Promise<string[]> {
  const journal = openJournal(join(folder, "journal"));
  const { problems } = await journal.verify();
  for (const { unaccounted, pending, quarantined, claimed, captured, discrepancies } of await journal.books())
    if (unaccounted !== 0 || pending !== 0 || quarantined !== 0 || claimed !== captured)
      problems.push(
        `The books: ${JSON.stringify({ unaccounted, pending, quarantined, claimed, captured, discrepancies })}`,
      );
  problems.push(...(await compareArchive(join(folder, "archive"), journal, scenario)));
  await journal.close();
  return problems;
}

async function compareArchive(folder: string, { blobs }: Journal, scenario: Scenario): Promise<string[]> {
  const archive = await openArchive(folder, { blobs });
  const { problems } = await archive.verify();
  const found = new Map<string, number>();
  for await (const { subject, copies } of archive.mail.list())
    for (const { mailbox } of copies) count(found, `${mailbox} ${subject}`);
  const expected = await expectedCopies(scenario);
  for (const [copy, times] of expected)
    if (found.get(copy) !== times)
      problems.push(`Lost or doubled: ${copy} is there ${found.get(copy) ?? 0} times instead of ${times}.`);
  for (const copy of found.keys()) if (!expected.has(copy)) problems.push(`Not expected: ${copy}`);
  await archive.close();
  return problems;
}

/** Mailbox and subject → how often, straight from the source's own definition. */
async function expectedCopies({ settings, grouping, mends }: Scenario): Promise<Map<string, number>> {
  const connector = scenarioConnector(settings, true);
  const people = await loadPeopleMap({ domains: mends ? ["here.example", "elsewhere.example"] : ["here.example"] });
  const copies = new Map<string, number>();
  const partitions = Array.from({ length: settings.partitions }, (_, index) => `p${index}`);
  if (grouping === "conversation-day") {
    const all = partitions.flatMap((partition) => scenarioEvents(settings, partition));
    for (const mailbox of ["ann", "bob", "cem"])
      count(
        copies,
        `${mailbox}@here.example Conversation, ${all[0]?.occurredAt.slice(0, 10)} (${all.length} messages)`,
      );
    return copies;
  }
  for (const event of partitions.flatMap((partition) => scenarioEvents(settings, partition))) {
    const draft = connector.events["Message"]?.({ ...event, version: "", context: {}, attachments: [] });
    if (!draft) continue;
    const { targets } = await routeMessage(draft, people, { thirdPartyMailbox: "third@here.example" });
    for (const { mailbox } of targets) count(copies, `${mailbox} ${draft.subject}`);
  }
  return copies;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
