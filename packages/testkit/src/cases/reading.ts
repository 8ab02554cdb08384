import { isDeepStrictEqual } from "node:util";
import { booksOf, eventName, heldBy, openInstallation, readInto } from "../installation.ts";
import { firstDifference, isPlainJson, throughJson } from "../json.ts";
import { mustEnd, mustEqual, type RecordedPage } from "../reference.ts";
import { openCopy } from "../source-copy.ts";
import { type Case, listed, must, type Suite } from "../suite.ts";

export function readingCases(suite: Suite): Case[] {
  const cases: Case[] = [
    { id: "read-complete", name: "a first read gives every event that the source holds", run: () => readsAll(suite) },
    {
      id: "read-books",
      name: "the books of a whole read balance: claimed = captured + excluded + gaps",
      run: () => balances(suite),
    },
    { id: "read-equal-times", name: "things of the same time are all captured", run: () => hasEqualTimes(suite) },
    {
      id: "read-unknown-types",
      name: "a thing of a kind that is new is captured as Other",
      run: () => capturesTheUnknown(suite),
    },
    {
      id: "read-identity",
      name: "two different things never share a key and version",
      run: () => tellsThingsApart(suite),
    },
    {
      id: "read-plain-json",
      name: "pages are plain JSON, name only contexts that they or earlier ones carry, and are left alone once given",
      run: () => givesPlainPages(suite),
    },
    {
      id: "checkpoint-json",
      name: "a checkpoint survives JSON and is one that the connector's own schema takes",
      run: () => keepsCheckpoints(suite),
    },
    {
      id: "read-again",
      name: "a second read of an unchanged source captures nothing again",
      run: () => readsNothingAgain(suite),
    },
    {
      id: "pages-any-order",
      name: "pages that come twice or out of order give the same events",
      run: () => takesAnyOrder(suite),
    },
  ];
  if (suite.source.later)
    cases.push({
      id: "read-later",
      name: "the next read gives what has happened since",
      run: () => readsWhatCameLater(suite),
    });
  return cases;
}

async function readsAll({ source, reference }: Suite): Promise<void> {
  const { held } = await reference();
  must(
    held.size === source.events,
    () =>
      `The source holds ${source.events} events by the suite's option "events", and a first read gave ${held.size}: ${listed(held, 20)}.`,
  );
}

async function balances(suite: Suite): Promise<void> {
  await appended(suite, (await suite.reference()).pages, "After a whole read");
}

async function hasEqualTimes({ source, reference }: Suite): Promise<void> {
  const { events, held } = await reference();
  must(held.size >= source.events, () => `${source.events - held.size} events are missing from a first read.`);
  const byTime = Map.groupBy(distinct(events), ({ occurredAt }) => Date.parse(occurredAt));
  must(
    [...byTime.values()].some((same) => same.length > 1),
    "The source that the suite is given holds no two events of the same time, so it cannot show that both are captured. Add some, best where one page ends and the next begins.",
  );
}

async function capturesTheUnknown({ reference }: Suite): Promise<void> {
  const { events } = await reference();
  must(
    events.some(({ type }) => type === "Other"),
    'No event of the source came as "Other". Give the suite a source that holds one thing of an unknown kind, and have `read` yield it as Other with its raw data.',
  );
}

async function tellsThingsApart({ reference }: Suite): Promise<void> {
  const seen = new Map<string, unknown>();
  for (const { key, version, type, data, occurredAt } of (await reference()).events) {
    const name = eventName(key, version);
    const content = throughJson({ type, data, occurredAt });
    const before = seen.get(name) ?? content;
    must(
      isDeepStrictEqual(before, content),
      () =>
        `"${name}" stands for two different things, and the second would be lost: ${firstDifference(content, before)}. Take the key from the source's own id, and a version from what changes with an edit.`,
    );
    seen.set(name, content);
  }
}

async function givesPlainPages({ reference }: Suite): Promise<void> {
  const contexts = new Set<string>();
  for (const [index, { page, given }] of (await reference()).pages.entries()) {
    const place = `Page ${index + 1}`;
    must(
      isPlainJson(withoutAbsent(page)),
      () => `${place} holds what JSON does not keep: ${firstDifference(throughJson(page), withoutAbsent(page))}.`,
    );
    must(
      JSON.stringify(page) === given,
      `${place} was changed after it was given. Give a copy: structuredClone(checkpoint).`,
    );
    for (const id of Object.keys(page.contexts ?? {})) contexts.add(id);
    const unknown = page.events.flatMap(({ key, context = {} }) =>
      Object.values(context)
        .filter((id) => !contexts.has(id))
        .map((id) => `${id} of ${key}`),
    );
    must(unknown.length === 0, () => `${place} refers to contexts that no page has carried: ${listed(unknown)}.`);
  }
}

/** An optional part of a page may be given as undefined. */
function withoutAbsent<Value extends object>(page: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(page).filter(([, value]) => value !== undefined)) as Partial<Value>;
}

async function keepsCheckpoints({ connector, reference }: Suite): Promise<void> {
  const { pages } = await reference();
  const checkpoints = pages.flatMap(({ page: { checkpoint } }) => (checkpoint === undefined ? [] : [checkpoint]));
  must(
    checkpoints.length > 0,
    "No page of a whole read has a checkpoint, so that each read would begin at the beginning.",
  );
  for (const checkpoint of checkpoints) {
    const stored = throughJson(checkpoint);
    const parsed = await connector.checkpoint["~standard"].validate(stored);
    must(
      !parsed.issues,
      () =>
        `The connector's own schema refuses the checkpoint ${JSON.stringify(stored)}: ${parsed.issues?.[0]?.message}.`,
    );
    const difference = firstDifference(throughJson(parsed.value), stored);
    must(
      difference === undefined || isSuperset(throughJson(parsed.value), stored),
      () => `The checkpoint's schema does not keep what was stored: ${difference}.`,
    );
  }
}

/** A schema may fill in defaults. */
function isSuperset(value: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null || typeof value !== "object" || value === null)
    return isDeepStrictEqual(value, part);
  return Object.entries(part).every(([key, inner]) => isSuperset(Reflect.get(value, key), inner));
}

async function readsNothingAgain({ connector, source, reference }: Suite): Promise<void> {
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  try {
    mustEnd(await readInto(journal, connector, copy));
    mustEnd(await readInto(journal, connector, copy));
    mustEqual(await heldBy(journal), await reference(), "After a second read");
  } finally {
    await journal.close();
  }
}

async function takesAnyOrder(suite: Suite): Promise<void> {
  const { pages } = await suite.reference();
  const twice = pages.flatMap((page) => [page, page]);
  await appended(suite, twice, "With each page given twice");
  await appended(suite, [...pages, ...pages], "With all pages given again");
  await appended(suite, withSurroundingsFirst(pages).toReversed(), "With the pages in reverse");
}

async function appended({ connector, reference }: Suite, pages: RecordedPage[], where: string): Promise<void> {
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  try {
    await journal.openSource({ id: "source", connector: connector.id, version: "0.0.0" });
    for (const { partition, page } of pages) await journal.append("source", partition, page, new Date());
    mustEqual(await heldBy(journal), await reference(), where);
    const { problems } = await journal.verify();
    must(problems.length === 0, () => `${where}: the journal does not verify: ${listed(problems)}.`);
    const { unaccounted, discrepancies } = await booksOf(journal);
    must(unaccounted === 0, () => `${where}: the books do not balance: ${listed(discrepancies)}.`);
  } finally {
    await journal.close();
  }
}

/** Contexts and claims with every page, since the one that carried them may now come last. */
function withSurroundingsFirst(pages: RecordedPage[]): RecordedPage[] {
  const contexts = Object.assign({}, ...pages.map(({ page }) => page.contexts ?? {}));
  const claims = [
    ...new Map(pages.flatMap(({ page }) => page.claims ?? []).map((claim) => [claim.id, claim])).values(),
  ];
  return pages.map((recorded) => ({ ...recorded, page: { ...recorded.page, contexts, claims } }));
}

async function readsWhatCameLater({ connector, source, reference }: Suite): Promise<void> {
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  try {
    mustEnd(await readInto(journal, connector, copy));
    await copy.moveOn();
    mustEnd(await readInto(journal, connector, copy));
    const held = await heldBy(journal);
    const { held: before } = await reference();
    const fresh = [...held].filter((name) => !before.has(name));
    must(
      fresh.length === source.later?.events,
      () =>
        `${source.later?.events} events happened after the first read, and the next gave ${fresh.length}: ${listed(fresh)}. A window ends when the run started and overlaps the one before; a cursor of times takes in what has the same time.`,
    );
  } finally {
    await journal.close();
  }
}

function distinct<Event extends { key: string; version?: string }>(events: Event[]): Event[] {
  return [...new Map(events.map((event) => [eventName(event.key, event.version), event])).values()];
}
