import { hash } from "node:crypto";
import { join } from "node:path";
import { type Archive, openArchive } from "@hansard/archive";
import { type Grouping, type Journal, loadPeopleMap, routeMessage } from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import PostalMime from "postal-mime";
import { scenarioConnector, scenarioEvents, scenarioFiles } from "./scenario-connector.ts";
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
  const found = await foundCopies(archive, scenario.grouping);
  const expected = await expectedCopies(scenario);
  for (const [copy, times] of expected)
    if (found.get(copy) !== times)
      problems.push(`Lost or doubled: ${copy} is there ${found.get(copy) ?? 0} times instead of ${times}.`);
  for (const copy of found.keys()) if (!expected.has(copy)) problems.push(`Not expected: ${copy}`);
  await archive.close();
  return problems;
}

/** Each copy, as a parser that is not ours reads its mail → how often. */
async function foundCopies({ mail }: Archive, grouping: Grouping): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for await (const { messageId, copies } of mail.list()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of mail.mail(messageId)) chunks.push(chunk);
    const { subject = "", text = "", attachments } = await PostalMime.parse(Buffer.concat(chunks));
    const files = attachments.map(({ filename, content }) => ({
      name: filename ?? "",
      content: Buffer.from(content as ArrayBuffer),
    }));
    const said = grouping === "event" ? text.trimEnd() : inAnyOrder(text.match(SAID) ?? []);
    for (const { mailbox } of copies) count(found, copyOf(mailbox, subject, said, files));
  }
  return found;
}

/** Each copy that must be there → how often, straight from the source's own definition. */
async function expectedCopies({ settings, grouping, mends }: Scenario): Promise<Map<string, number>> {
  const connector = scenarioConnector(settings, true);
  const people = await loadPeopleMap({ domains: mends ? ["here.example", "elsewhere.example"] : ["here.example"] });
  const copies = new Map<string, number>();
  const partitions = Array.from({ length: settings.partitions }, (_, index) => `p${index}`);
  const events = partitions.flatMap((partition) => scenarioEvents(settings, partition));
  if (grouping === "conversation-day") {
    const said = inAnyOrder(events.map(({ data }) => (data as { text: string }).text));
    const subject = `Conversation, ${events[0]?.occurredAt.slice(0, 10)} (${events.length} messages)`;
    for (const mailbox of ["ann", "bob", "cem"]) count(copies, copyOf(`${mailbox}@here.example`, subject, said, []));
    return copies;
  }
  for (const event of events) {
    const draft = connector.events["Message"]?.({ ...event, version: "", context: {}, attachments: [] });
    if (!draft) continue;
    const { targets } = await routeMessage(draft, people, { thirdPartyMailbox: "third@here.example" });
    const files = scenarioFiles(event.key, settings);
    for (const { mailbox } of targets) count(copies, copyOf(mailbox, draft.subject, draft.text ?? "", files));
  }
  return copies;
}

/** What the source's messages say, wherever a transcript shows it. */
const SAID = /Message \d+ 0\.[0-9a-z]+/g;

function inAnyOrder(texts: string[]): string {
  return texts.toSorted().join("\n");
}

/** All that a copy must have right: whose it is, what it says, and its files, byte for byte. */
function copyOf(
  mailbox: string,
  subject: string,
  text: string,
  files: { name: string; content: Uint8Array }[],
): string {
  const held = files.map(({ name, content }) => `${name} ${hash("sha256", content)}`).toSorted();
  const said = text === subject ? "" : ` saying ${JSON.stringify(text)}`;
  return `${mailbox} "${subject}"${said}${held.length > 0 ? ` with ${held.join(", ")}` : ""}`;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
