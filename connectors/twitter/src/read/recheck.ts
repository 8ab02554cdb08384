import type { KnownEvent } from "@hansard/core";
import type { Checkpoint } from "../schema.ts";
import { idAt, newestOf } from "../schema/ids.ts";
import { type XClient, openClient } from "./client.ts";
import { pollCompliance, startCompliance } from "./compliance.ts";
import { type Pages, type TwitterReadContext, gather } from "./context.ts";
import { announceLookUp } from "./cost.ts";
import { type Sought, lookAgain } from "./deletions.ts";
import { ownPostKey, watchedAuthors } from "./keys.ts";
import { nextMorning } from "./rescan.ts";

export const RECHECK = "recheck" as const;
const COMPLIANCE = "compliance" as const;
const LOOKUP_IDS = 100;
const DAY_MS = 86_400_000;

/** Once a day looks up what was captured lately, which shows deletions; once a month asks for those of all times. */
export async function* recheckPosts(context: TwitterReadContext): Pages {
  const { settings, checkpoint = {}, startedAt } = context;
  const { owed = [] } = checkpoint;
  const wanted = [...(settings.deletionDays > 0 ? [RECHECK] : []), ...(settings.compliance ? [COMPLIANCE] : [])];
  yield* settleCompliance(context, wanted);
  const due = context.followUps.some(({ id }) => id === RECHECK);
  if (wanted.includes(RECHECK) && (due || checkpoint.after !== undefined)) yield* lookAtRecent(context, checkpoint);
  const page = gather();
  // A due follow-up is replaced by the next of its name; one that is no longer wanted is settled.
  const next = wanted.filter((name) => !owed.includes(name) || (name === RECHECK && due));
  page.followUps.push(...next.map((id) => ({ id, dueAt: nextMorning(startedAt), data: {} })));
  page.settled.push(...owed.filter((name) => !wanted.includes(name)));
  if (page.followUps.length + page.settled.length > 0) yield { ...page, checkpoint: { owed: wanted } };
}

async function* lookAtRecent(context: TwitterReadContext, { after, owed = [] }: Checkpoint): Pages {
  const sought = (await recentPosts(context)).filter(({ key }) => after === undefined || key > after);
  announceLookUp(context, sought.length);
  for (let start = 0; start < sought.length;) {
    const client = clientFor(context, sought[start]?.key ?? "");
    const batch = sought.slice(start, start + LOOKUP_IDS);
    const together = batch.filter(({ key }) => authorOf(key) === authorOf(batch[0]?.key ?? ""));
    const page = gather();
    await lookAgain(context, client, together, page);
    start += together.length;
    const last = together.at(-1)?.key;
    yield { ...page, checkpoint: { owed, ...(last !== undefined && { after: last }) } };
  }
  yield { ...gather(), checkpoint: { owed } };
}

/** The posts of the last days that are not known to be deleted, by the newest version that is known. */
async function recentPosts(context: TwitterReadContext): Promise<Sought[]> {
  const { settings, startedAt } = context;
  const from = idAt(new Date(startedAt.getTime() - settings.deletionDays * DAY_MS));
  const own = [...watchedAuthors(settings)].map((author) => ({
    from: ownPostKey(author, from),
    to: `post:${author};`,
  }));
  const mentions = { from: `mention:${from.padStart(19, "0")}`, to: "mention;" };
  const sought: Sought[] = [];
  for (const range of [...own, mentions]) sought.push(...(await postsIn(context, range)));
  return sought.toSorted((left, right) => (left.key < right.key ? -1 : 1));
}

/** What the journal holds of posts in a range of keys, each by its newest version. */
export async function postsIn(context: TwitterReadContext, range: { from: string; to: string }): Promise<Sought[]> {
  const byKey = new Map<string, KnownEvent[]>();
  for await (const event of context.captured(range)) {
    if (event.type !== "Media") byKey.set(event.key, [...(byKey.get(event.key) ?? []), event]);
  }
  return [...byKey].flatMap(([key, events]) => {
    const id = newestOf(events.map(({ version }) => version).filter((version) => /^\d+$/.test(version)));
    return id === undefined || events.some(({ type }) => type === "Delete") ? [] : [{ key, id }];
  });
}

function authorOf(key: string): string {
  return key.slice(0, key.lastIndexOf(":"));
}

/** A protected account's posts are seen by its own sign-in only. */
function clientFor(context: TwitterReadContext, key: string): XClient {
  const { accounts, bearerToken } = context.settings;
  const owner = accounts.find(({ id }) => key.startsWith(`post:${id}:`));
  return openClient(context, owner ?? (bearerToken ? undefined : accounts[0]), context.partition.id);
}

async function* settleCompliance(context: TwitterReadContext, wanted: string[]): Pages {
  for (const followUp of context.followUps) {
    if (followUp.id === COMPLIANCE && wanted.includes(COMPLIANCE)) yield await startCompliance(context, followUp.id);
    if (followUp.id.startsWith(`${COMPLIANCE}:`)) yield await pollCompliance(context, followUp);
  }
}
