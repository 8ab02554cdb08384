import type { ParkedCopies } from "@hansard/core/ingestion";
import type { RunReport } from "./commands/run.ts";
import type { LoadedConfiguration } from "./config/load-config.ts";
import { commandName, plural, shown, table } from "./output.ts";
import { postponedLine, unfinishedLine } from "./problem.ts";

const PEOPLE_SHOWN = 5;
const GAPS_SHOWN = 5;

/** What a person wants to know after a run, the most important last. */
export function runSummary(report: RunReport, config: LoadedConfiguration): string {
  const sections = [
    captured(report),
    ...deliveredTo(report),
    unclaimed(report, config),
    gaps(report),
    problems(report, config),
    books(report),
    next(report),
  ];
  return sections.filter(Boolean).join("\n\n");
}

function captured({ sources }: RunReport): string {
  const lines = sources.map(({ id, capture, delivery }) => {
    const delivered = Object.entries(delivery).map(
      ([destination, { messages }]) => `${plural(messages, "message")} delivered to ${destination}`,
    );
    return `${id}: ${plural(capture.captured, "new event")} captured from ${plural(capture.partitions, "conversation or stream", "conversations and streams")}, ${delivered.join(", ")}`;
  });
  return lines.join("\n");
}

/** What each destination has in all, of all sources together. */
function deliveredTo({ status }: RunReport): string[] {
  const ids = new Set(status.flatMap(({ destinations }) => Object.keys(destinations)));
  return [...ids].flatMap((id) => {
    const sources = status.flatMap(({ destinations }) => destinations[id] ?? []);
    const classes = summed(sources.map(({ byClass }) => byClass)).map(([name, count]) => [`  ${name}`, count]);
    const copies = summed(sources.map(({ byMailbox }) => byMailbox)).map(([place, count]) => {
      const [mailbox = "", ...folder] = place.split("/");
      return [`  ${mailbox}`, folder.join("/"), count];
    });
    return [
      `Messages in all at ${id}, by class\n${table(classes)}`,
      `Copies in all at ${id}, by mailbox and folder\n${table(copies)}`,
    ];
  });
}

function summed(records: Record<string, number>[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const [name, count] of records.flatMap((record) => Object.entries(record)))
    sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums];
}

function unclaimed({ unmapped }: RunReport, { destinations }: LoadedConfiguration): string {
  if (unmapped.length === 0) return "Everybody who took part is mapped to a mailbox.";
  const mailboxes = [...new Set(Object.values(destinations).map(({ thirdPartyMailbox }) => thirdPartyMailbox))].join(
    ", ",
  );
  const people = eachOnce(unmapped);
  const rows = people
    .slice(0, PEOPLE_SHOWN)
    .map(({ participant, name, address, messages }) => [
      `  ${shown(name ?? participant)}`,
      address ?? participant,
      plural(messages, "message"),
    ]);
  const more = people.length > PEOPLE_SHOWN ? `\n  … and ${people.length - PEOPLE_SHOWN} more` : "";
  return `Nobody claims ${plural(people.length, "person", "people")}; where no participant of a message is mapped, it is in the Inbox of ${mailboxes}\n${table(rows)}${more}`;
}

/** Those with the most messages come first: of several destinations the one that is furthest counts. */
function eachOnce(unmapped: RunReport["unmapped"]): RunReport["unmapped"] {
  const people = new Map<string, RunReport["unmapped"][number]>();
  for (const person of unmapped) {
    const key = JSON.stringify([person.source, person.participant]);
    if (!people.has(key)) people.set(key, person);
  }
  return [...people.values()];
}

function gaps({ gaps: open }: RunReport): string {
  if (open.length === 0) return "";
  const lines = open.slice(0, GAPS_SHOWN).map(({ reason }) => `  ${shown(reason)}`);
  const more = open.length > GAPS_SHOWN ? [`  … and ${open.length - GAPS_SHOWN} more`] : [];
  return [`Known gaps: ${open.length}`, ...lines, ...more].join("\n");
}

function problems({ sources, unprovenHolds }: RunReport, config: LoadedConfiguration): string {
  const lines = sources.flatMap(({ id, capture, delivery }) => [
    ...capture.stopped.map(
      ({ where, ...why }) => `  ${unfinishedLine({ where: where === undefined ? id : `${id}, ${where}`, ...why })}`,
    ),
    ...Object.entries(delivery).flatMap(([destination, result]) =>
      result.stopped.map((why) => `  ${unfinishedLine({ ...why, where: `${id} → ${destination}` })}`),
    ),
    ...Object.entries(delivery).flatMap(([destination, result]) =>
      result.postponed > 0 ? [`  ${id} → ${destination}: ${postponedLine(result)}`] : [],
    ),
  ]);
  lines.push(...withoutHold(unprovenHolds, parkedCopies(sources)), ...withoutMailbox(parkedCopies(sources), config));
  return lines.length > 0 ? ["Needs attention", ...lines].join("\n") : "";
}

type Parked = ParkedCopies & { destination: string };

/** What this run put into third-party data mailboxes for people who cannot have it yet. */
function parkedCopies(sources: RunReport["sources"]): Parked[] {
  return sources.flatMap(({ delivery }) =>
    Object.entries(delivery).flatMap(([destination, { parked }]) => parked.map((one) => ({ destination, ...one }))),
  );
}

/** One line for each destination: holds are usually missing for one and the same reason. */
function withoutHold(unproven: RunReport["unprovenHolds"], parked: Parked[]): string[] {
  return [...Map.groupBy(unproven, ({ destination }) => destination)].flatMap(([destination, mailboxes]) => {
    const [first] = mailboxes;
    if (!first) return [];
    const whose = mailboxes.length === 1 ? first.mailbox : `${first.mailbox} and ${mailboxes.length - 1} more`;
    const theirs = parked.filter((one) => one.destination === destination && one.why === "no-hold");
    const count = `${copiesOf(theirs)} for ${plural(peopleOf(theirs).length, "person", "people")}`;
    const where = `what is for Purges of ${whose} is in the Inbox of ${first.thirdPartyMailbox}, since no hold is proven (${count} in this run)`;
    return [`  ${destination}: ${where}. ${shown(first.reason)} ${first.remedy}`];
  });
}

function withoutMailbox(parked: Parked[], { destinations }: LoadedConfiguration): string[] {
  const homeless = Map.groupBy(
    parked.filter(({ why }) => why === "no-mailbox"),
    ({ destination }) => destination,
  );
  return [...homeless].map(([destination, copies]) => {
    const mailboxes = peopleOf(copies);
    const more = mailboxes.length > PEOPLE_SHOWN ? ` and ${mailboxes.length - PEOPLE_SHOWN} more` : "";
    const names = `${mailboxes.slice(0, PEOPLE_SHOWN).join(", ")}${more}`;
    const whose = mailboxes.length === 1 ? names : `${plural(mailboxes.length, "person", "people")} (${names})`;
    const where = `the Inbox of ${destinations[destination]?.thirdPartyMailbox}`;
    const remedy = `Give them mailboxes there, or map them to others in the people file; then run "${commandName()} reroute".`;
    return `  ${destination}: ${copiesOf(copies)} for ${whose} went to ${where}, since there are no such mailboxes. ${remedy}`;
  });
}

/** As they are stored: one may serve several people. */
function copiesOf(parked: Parked[]): string {
  return plural(
    parked.reduce((sum, { copies, shared }) => sum + copies - shared, 0),
    "copy",
    "copies",
  );
}

function peopleOf(parked: Parked[]): string[] {
  return [...new Set(parked.map(({ mailbox }) => mailbox))].toSorted();
}

function books({ books: all, balanced }: RunReport): string {
  const lines = all.map(({ id, claimed, captured: events, excluded, gaps: missing, delivered, quarantined, pending }) =>
    [
      `  ${id}: ${claimed} claimed = ${events} captured + ${excluded} excluded + ${missing} in gaps`,
      `  ${" ".repeat(id.length)}  ${events} captured = ${delivered} delivered + ${quarantined} in quarantine + ${pending} pending`,
    ].join("\n"),
  );
  const wrong = all.flatMap(({ discrepancies }) => discrepancies.map((sentence) => `  ${sentence}`));
  return [balanced ? "The books balance" : "THE BOOKS DO NOT BALANCE", ...lines, ...wrong].join("\n");
}

function next({ unmapped }: RunReport): string {
  const command = commandName();
  const second =
    unmapped.length > 0
      ? [`${command} people unmapped`, "who nobody claims"]
      : [`${command} reconcile`, "the books, source by source"];
  return `Next\n${table([
    [`  ${command} search kind:externaldata`, "find a message"],
    [`  ${second[0]}`, second[1] ?? ""],
  ])}`;
}
