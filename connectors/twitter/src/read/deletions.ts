import type { FollowUp } from "@hansard/core";
import { z } from "zod";
import { type Absence, type ListAnswer, absenceOf } from "../schema/answer.ts";
import type { XClient } from "./client.ts";
import type { Gathered, TwitterReadContext } from "./context.ts";
import { gatherPosts, lookUp } from "./posts.ts";

/** A captured post to look for again: its key, and the version by which it is asked for. */
export interface Sought {
  key: string;
  id: string;
}

const SecondLook = z.object({ key: z.string(), id: z.string() });
const LOOKUP_IDS = 100;

/** Reads posts again whose time of editing is over, and settles the follow-ups that asked for it. */
export async function settleEdits(
  context: TwitterReadContext,
  client: XClient,
  due: FollowUp[],
  page: Gathered,
): Promise<void> {
  const sought = due.map(({ data }) => SecondLook.parse(data));
  for (let start = 0; start < sought.length; start += LOOKUP_IDS) {
    await lookAgain(context, client, sought.slice(start, start + LOOKUP_IDS), page);
  }
  page.settled.push(...due.map(({ id }) => id));
}

/** Reads up to 100 captured posts again: new versions become edits, absences become deletions or what else they are. */
export async function lookAgain(
  context: TwitterReadContext,
  client: XClient,
  sought: Sought[],
  page: Gathered,
): Promise<void> {
  if (sought.length === 0) return;
  const answer = await lookUp(
    client,
    sought.map(({ id }) => id),
  );
  await gatherPosts(context, client, answer, page);
  for (const { key, id } of sought) {
    const problem = problemOf(answer, id);
    if (problem)
      addAbsence(page, {
        key,
        id,
        absence: absenceOf(problem),
        said: problem.detail,
        occurredAt: context.startedAt.toISOString(),
      });
  }
}

function problemOf({ errors }: ListAnswer, id: string) {
  return errors.find(
    ({ resource_id, value, parameter }) =>
      (resource_id ?? value) === id && (parameter === undefined || parameter === "ids"),
  );
}

/** A deletion is a tombstone. Whatever may come back, such as a protected account's post, is not taken for one. */
export function addAbsence(
  page: Gathered,
  found: Sought & { absence: Absence; said: string; occurredAt: string },
): void {
  const { key, id, absence, said, occurredAt } = found;
  page.events.push({
    type: absence === "deleted" ? "Delete" : "Withheld",
    key,
    version: absence,
    occurredAt,
    data: { id, reason: absence, said },
  });
}
