import { AuthenticationError, UnexpectedResponseError } from "@hansard/core";
import type { ListAnswer } from "../schema/answer.ts";
import { z } from "zod";
import { User } from "../schema/post.ts";
import type { XClient } from "./client.ts";

const Answer = z.looseObject({ data: User.optional() });

/** The watched account as X knows it now. */
export async function accountOf(client: XClient, id: string, partition?: string): Promise<User> {
  const { data } = await client.get(`users/${id}`, Answer, {
    "user.fields": "created_at,id,name,protected,public_metrics,username",
  });
  if (data) return data;
  throw new UnexpectedResponseError(`X knows no account ${id}, or does not show it.`, {
    ...(partition !== undefined && { scope: { partition } }),
    remedy: "Check the id in the settings, and whether the account is suspended or closed.",
  });
}

export function postCountOf({ public_metrics }: User): number {
  return public_metrics?.tweet_count ?? public_metrics?.post_count ?? 0;
}

/** An account that may not be seen is no failure to X, which answers 200 and no posts: taken for silence, all would be lost. */
export function refuseHidden({ errors }: ListAnswer, id: string, partition: string): void {
  const problem = errors.find(
    ({ parameter, resource_type, resource_id, value }) =>
      parameter === "id" && resource_type === "user" && (resource_id ?? value) === id,
  );
  if (!problem) return;
  throw new AuthenticationError(`X does not show the account ${id}: ${problem.detail || problem.title}`, {
    scope: { partition },
    remedy:
      "Give the account its own sign-in if it is protected; take it out of the settings if it is closed or suspended.",
  });
}
