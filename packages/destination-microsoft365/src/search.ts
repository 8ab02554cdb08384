import { z } from "zod";
import { callBatch } from "./batch.ts";
import { correlationOf, userPath, type Work } from "./deliver.ts";
import { GraphFailure } from "./failure.ts";
import type { GraphAnswer } from "./graph-client.ts";
import { hasMore, pagesOf } from "./pages.ts";
import { ID_PROPERTY, identityOf } from "./payload.ts";

/** A stored item that carries a delivery's identity. */
export interface FoundItem {
  itemId: string;
  correlationId: string;
}

/** A message, and the folders that it may lie in. */
export interface Wanted {
  messageId: string;
  places: string[];
  /** It was just seen in another folder: that its Message-ID is not here is enough. */
  isElsewhere?: boolean;
}

/** An item of a list, with whatever names it. */
interface ListedItem extends FoundItem {
  messageId: string;
  property: string;
}

const Page = z.object({
  value: z.array(
    z.object({
      id: z.string(),
      internetMessageId: z.string().nullish(),
      singleValueExtendedProperties: z.array(z.object({ value: z.string() })).optional(),
    }),
  ),
});

/** Folders by their names: one that is not there holds nothing. One that had an id was removed since it was found. */
const NAMED = ["inbox", "recoverableitemspurges"];

/** OData services take filters of a hundred nodes; each comparison and its `or` are four. */
const IDS_AT_ONCE = 10;
const PAGE_ITEMS = 100;

/**
 * Every item with one of these identities: by Message-ID, and by our named property where that finds nothing. Rejects with
 * `gone` where a folder was removed.
 */
export async function itemsOf(
  mailbox: string,
  wanted: Wanted[],
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const found = await byMessageIds(mailbox, wanted, work, signal);
  const rest = [...wanted.entries()].filter(([index, { isElsewhere }]) => found[index]?.length === 0 && !isElsewhere);
  const byProperty = await oneByOne(
    mailbox,
    rest.map(([, one]) => one),
    hasProperty,
    work,
    signal,
  );
  for (const [position, [index]] of rest.entries()) found[index] = byProperty[position] ?? [];
  return found;
}

/**
 * What the staging folder holds of these messages. It holds little, so that all of it is asked for: one answer says more
 * than a search for each message by each of its names.
 */
export async function stagedItemsOf(
  mailbox: string,
  messageIds: string[],
  staging: string,
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const expand = encodeURIComponent(`singleValueExtendedProperties($filter=id eq '${ID_PROPERTY}')`);
  const items = await onePage(mailbox, staging, `$expand=${expand}`, work, signal);
  if (items === undefined) {
    const wanted = messageIds.map((messageId) => ({ messageId, places: [staging] }));
    return itemsOf(mailbox, wanted, work, signal);
  }
  return messageIds.map((messageId) => {
    const identity = identityOf({ id: messageId });
    return items.filter((item) => identityOf({ id: item.messageId }) === identity || item.property === identity);
  });
}

/** Every item with one of these Message-IDs. */
export async function byMessageIds(
  mailbox: string,
  wanted: Wanted[],
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const found: FoundItem[][] = wanted.map(() => []);
  const asked = wanted.flatMap(({ messageId, places }, index) => places.map((place) => ({ messageId, index, place })));
  for (const [place, all] of Map.groupBy(asked, (one) => one.place)) {
    for (let start = 0; start < all.length; start += IDS_AT_ONCE) {
      const some = all.slice(start, start + IDS_AT_ONCE);
      const items = await inOneRequest(mailbox, place, some, work, signal);
      for (const [position, { index }] of some.entries()) found[index]?.push(...(items[position] ?? []));
    }
  }
  return found;
}

/** Some Message-IDs in one request. A server that does not understand that is asked for them one by one. */
async function inOneRequest(
  mailbox: string,
  place: string,
  some: { messageId: string }[],
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const filter = encodeURIComponent(some.map(hasMessageId).join(" or "));
  const items = await onePage(mailbox, place, `$filter=${filter}`, work, signal);
  const known = new Set(some.map(({ messageId }) => messageId));
  // An item that is none of these would mean that the filter, or the Message-ID, says something else than it seems to.
  if (items?.every((item) => known.has(item.messageId)) === true)
    return some.map(({ messageId }) => items.filter((item) => item.messageId === messageId));
  return oneByOne(
    mailbox,
    some.map(({ messageId }) => ({ messageId, places: [place] })),
    hasMessageId,
    work,
    signal,
  );
}

/**
 * A list that fits into one page; undefined where it does not, since items come and go between two pages and one that is not
 * seen would be written again, and where the server refuses the query.
 */
async function onePage(
  mailbox: string,
  place: string,
  query: string,
  { client }: Work,
  signal: AbortSignal,
): Promise<ListedItem[] | undefined> {
  const path = `${userPath(mailbox)}/mailFolders/${place}/messages?${query}&$select=id,internetMessageId&$top=${PAGE_ITEMS}`;
  try {
    const answer = await client.call({ method: "GET", path, mailbox }, signal);
    return hasMore(answer) ? undefined : itemsIn(answer);
  } catch (error) {
    if (isNothing(error, place)) return [];
    if (error instanceof GraphFailure && error.failure.kind === "refused") return undefined;
    throw error;
  }
}

function listed(
  { id, internetMessageId, singleValueExtendedProperties: [property] = [] }: z.infer<typeof Page>["value"][number],
  answer: GraphAnswer,
): ListedItem {
  return {
    itemId: id,
    correlationId: correlationOf(answer),
    messageId: internetMessageId ?? "",
    property: property?.value ?? "",
  };
}

async function oneByOne(
  mailbox: string,
  wanted: Wanted[],
  filterOf: (one: { messageId: string }) => string,
  { client }: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const asked = wanted.flatMap((one, index) => one.places.map((place) => ({ index, place, filter: filterOf(one) })));
  const requests = asked.map(({ place, filter }) => ({
    method: "GET" as const,
    path: `${userPath(mailbox)}/mailFolders/${place}/messages?$filter=${encodeURIComponent(filter)}&$select=id&$top=10`,
    mailbox,
  }));
  const answers = await callBatch(client, requests, signal);
  const found: FoundItem[][] = wanted.map(() => []);
  for (const [position, { index, place }] of asked.entries()) {
    const answer = answers[position];
    if (isNothing(answer, place)) continue;
    if (answer instanceof GraphFailure) throw answer;
    // No answer is not the answer that there is nothing.
    if (answer === undefined) throw new Error("Graph left a search unanswered.");
    for (const page of await pagesOf(client, answer, { mailbox }, signal)) found[index]?.push(...itemsIn(page));
  }
  return found;
}

function isNothing(answer: unknown, place: string): boolean {
  return answer instanceof GraphFailure && answer.failure.kind === "gone" && NAMED.includes(place);
}

function itemsIn(page: GraphAnswer): ListedItem[] {
  return Page.parse(page.json).value.map((item) => listed(item, page));
}

function hasMessageId({ messageId }: { messageId: string }): string {
  return `internetMessageId eq '${quoted(messageId)}'`;
}

function hasProperty({ messageId }: { messageId: string }): string {
  return `singleValueExtendedProperties/Any(ep: ep/id eq '${ID_PROPERTY}' and ep/value eq '${quoted(identityOf({ id: messageId }))}')`;
}

function quoted(text: string): string {
  return text.replaceAll("'", "''");
}
