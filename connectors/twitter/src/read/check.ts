import { type Finding, isHansardError } from "@hansard/core";
import type { Account } from "../schema.ts";
import { ListAnswer } from "../schema/answer.ts";
import { accountOf, postCountOf } from "./account.ts";
import { zipFinding } from "./archive.ts";
import { type XClient, openClient } from "./client.ts";
import { POST_CAP, firstCosts, round } from "./cost.ts";
import type { TwitterContext } from "./context.ts";
import { AbsentError, SKEW_MS } from "./errors.ts";

/** Signs in, looks at each account once, and says what the first run will cost and cannot reach. */
export async function check(context: TwitterContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const account of context.settings.accounts) findings.push(...(await checkAccount(context, account)));
  for (const archive of context.settings.archives) findings.push(await zipFinding(archive));
  return findings;
}

async function checkAccount(context: TwitterContext, account: Account): Promise<Finding[]> {
  try {
    const client = openClient(context, account);
    const user = await accountOf(client, account.id);
    const posts = postCountOf(user);
    const findings: Finding[] = [
      { level: "ok", message: `Account ${account.id} is @${user.username}, with ${posts} posts.` },
    ];
    if (user.protected && !client.owned) {
      findings.push({
        level: "error",
        message: `@${user.username} is protected and is read without its own sign-in.`,
        remedy: "Give the account a refreshToken or oauth1.",
      });
    }
    return [
      ...findings,
      ...clockFindings(client),
      ...(await sightFindings(context, client, account, user.username)),
      ...reachFindings(context, account, user.username, posts),
      costFinding(context, account, user.username, posts),
    ];
  } catch (error) {
    if (!isHansardError(error)) throw error;
    return [{ level: "error", message: error.message, ...(error.remedy !== undefined && { remedy: error.remedy }) }];
  }
}

function clockFindings(client: XClient): Finding[] {
  const seconds = Math.round((client.skewMs() ?? 0) / 1000);
  if (Math.abs(seconds) * 1000 < SKEW_MS) return [];
  return [
    {
      level: "warning",
      message: `This machine's clock is ${Math.abs(seconds)} seconds ${seconds > 0 ? "behind" : "ahead of"} X's.`,
      remedy: "Set the clock, by NTP for instance: X refuses signatures with a wrong time, and windows would be wrong.",
    },
  ];
}

/** Asks once for what needs a scope of its own, at the least that X gives. */
async function sightFindings(
  { settings }: TwitterContext,
  client: XClient,
  { id, streams }: Account,
  name: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (streams.includes("likes")) {
    await client.get(`users/${id}/liked_tweets`, ListAnswer, { max_results: "5" });
    findings.push({ level: "ok", message: `Likes of @${name} can be read.` });
  }
  if (!streams.includes("directMessages")) return findings;
  await client.get("dm_events", ListAnswer, { max_results: "1" });
  findings.push({
    level: "ok",
    message: `Direct messages of @${name} can be read: those of the last 30 days, not the encrypted ones.`,
  });
  if (!settings.encryptedChats) return findings;
  return [...findings, ...(await encryptedFindings(client, name))];
}

async function encryptedFindings(client: XClient, name: string): Promise<Finding[]> {
  const encrypted = await client.get("chat/conversations", ListAnswer, { max_results: "1" }).catch((error: unknown) => {
    if (error instanceof AbsentError) return undefined;
    throw error;
  });
  if (encrypted?.data.length === 0) return [];
  const message = encrypted
    ? `@${name} has encrypted conversations: who writes when is archived, what is written cannot be read.`
    : `X does not tell this app whether @${name} has encrypted conversations.`;
  const remedy = "Forbid encrypted chats to archived accounts, or archive them on the device that holds the keys.";
  return [{ level: "warning", message, remedy }];
}

function reachFindings({ settings }: TwitterContext, account: Account, name: string, posts: number): Finding[] {
  if (!account.streams.includes("posts") || posts <= POST_CAP || settings.fullArchiveSearch) return [];
  return [
    {
      level: "warning",
      message: `@${name} has ${posts} posts, and X gives only the newest ${POST_CAP.toLocaleString("en-US")}.`,
      remedy:
        "Switch fullArchiveSearch on, or import an account archive; until then the missing posts are reported as a gap.",
    },
  ];
}

function costFinding({ settings }: TwitterContext, account: Account, name: string, posts: number): Finding {
  const costs = firstCosts(settings, account, posts);
  const total = round(costs.reduce((sum, { usd }) => sum + usd, settings.prices.user));
  const parts = costs.map(({ stream, resources, usd }) =>
    resources > 0
      ? `${stream}: ${resources} at most, $${round(usd)}`
      : `${stream}: not known beforehand, $${unitPrice(settings, stream)} each`,
  );
  return {
    level: "ok",
    message: `The first read of @${name} costs at most $${total} (${parts.join("; ")}). Later reads cost what is new since, and the daily looks again.`,
  };
}

function unitPrice({ prices }: TwitterContext["settings"], stream: string): number {
  return stream === "likes" ? prices.like : prices.directMessage;
}
