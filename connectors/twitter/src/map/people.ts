import type { CapturedEvent, Json, Participant } from "@hansard/core";
import { z } from "zod";
import { parseArchivedPost } from "../schema/archive.ts";
import { type Post, User, parsePost } from "../schema/post.ts";

const Account = z.looseObject({ id: z.string(), username: z.string().optional(), name: z.string().optional() });
const Archived = z.looseObject({ tweet: z.json() });

/** The post that an event holds, whether it came over the API or out of an account archive. */
export function postOf({ data, context }: CapturedEvent): Post {
  const archived = Archived.safeParse(data).data;
  return archived ? parseArchivedPost(archived.tweet, accountOf(context)?.id ?? "0") : parsePost(data);
}

export function accountOf(context: Record<string, Json>): z.infer<typeof Account> | undefined {
  return Account.safeParse(context["account"]).data;
}

/** A person by id, named where the event was captured with a name. */
export function person(context: Record<string, Json>, id: string): Participant {
  const user = [context["author"], context[`user:${id}`], context["account"]]
    .map((raw) => User.safeParse(raw).data)
    .find((found) => found?.id === id);
  return user ? { id, name: nameOf(user.name, user.username) } : { id };
}

export function handle(context: Record<string, Json>, id: string): string {
  const user = [context["author"], context[`user:${id}`], context["account"]]
    .map((raw) => User.safeParse(raw).data)
    .find((found) => found?.id === id);
  return user ? `@${user.username}` : `account ${id}`;
}

function nameOf(name: string, username: string): string {
  return name ? `${name} (@${username})` : `@${username}`;
}

/** A public post has no recipients: it is addressed to those who follow its author. */
export function followersOf(context: Record<string, Json>, id: string): Participant {
  return { id: `followers:${id}`, name: `${handle(context, id)}'s followers`, kind: "place" };
}

export function distinct(participants: Participant[]): Participant[] {
  return [...new Map(participants.map((participant) => [participant.id, participant])).values()];
}
