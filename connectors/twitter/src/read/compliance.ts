import { type FollowUp, UnexpectedResponseError } from "@hansard/core";
import { z } from "zod";
import type { Absence } from "../schema/answer.ts";
import { openAppClient } from "./client.ts";
import { type TwitterPage, type TwitterReadContext, gather } from "./context.ts";
import { addAbsence } from "./deletions.ts";
import { watchedAuthors } from "./keys.ts";
import { postsIn } from "./recheck.ts";

/** Where X takes lists of ids from, and puts its findings. */
export const COMPLIANCE_HOST = "storage.googleapis.com";

const Job = z.looseObject({
  data: z.looseObject({
    id: z.string(),
    status: z.string(),
    upload_url: z.url().optional(),
    download_url: z.url().optional(),
  }),
});
const Finding = z.looseObject({
  id: z.string(),
  action: z.string(),
  reason: z.string().default(""),
  redacted_at: z.string().optional(),
  created_at: z.string().optional(),
});
const POLL_MS = 30 * 60_000;
const MONTH_MS = 30 * 86_400_000;
const REASONS: Record<string, Absence> = { deleted: "deleted", protected: "protected", suspended: "suspended" };

/** Sends the ids of all captured posts and asks which of them are gone. */
export async function startCompliance(context: TwitterReadContext, followUp: string): Promise<TwitterPage> {
  const page = gather();
  const next = { id: followUp, dueAt: after(context, MONTH_MS), data: {} };
  const ids = (await allPosts(context)).map(({ id }) => id);
  if (ids.length === 0) return { ...page, followUps: [next] };
  const client = openAppClient(context, context.partition.id);
  const { data: job } = await client.post("compliance/jobs", Job, {
    type: "tweets",
    name: "hansard",
    resumable: false,
  });
  if (!job.upload_url) throw new UnexpectedResponseError("X opened a compliance job without saying where the ids go.");
  await context.http.request(job.upload_url, {
    method: "PUT",
    headers: { "content-type": "text/plain" },
    body: ids.join("\n"),
  });
  return {
    ...page,
    followUps: [next, { id: `compliance:${job.id}`, dueAt: after(context, POLL_MS), data: { job: job.id } }],
  };
}

/** Looks whether the job is done, and takes its findings. */
export async function pollCompliance(context: TwitterReadContext, followUp: FollowUp): Promise<TwitterPage> {
  const page = gather();
  const { job: id } = z.object({ job: z.string() }).parse(followUp.data);
  const { data: job } = await openAppClient(context, context.partition.id).get(`compliance/jobs/${id}`, Job);
  if (job.status === "created" || job.status === "in_progress")
    return { ...page, followUps: [{ ...followUp, dueAt: after(context, POLL_MS) }] };
  page.settled.push(followUp.id);
  if (job.status !== "complete" || !job.download_url) {
    page.gaps.push({
      id: `compliance:${id}`,
      reason: `X did not finish the compliance job ${id}: ${job.status}.`,
      remedy: "Nothing: the next month's job asks again.",
      events: 0,
    });
    return page;
  }
  const { body } = await context.http.request(job.download_url);
  const keys = new Map((await allPosts(context)).map((post) => [post.id, post.key]));
  for (const line of new TextDecoder("utf-8", { fatal: true }).decode(body).split("\n")) {
    if (line.trim() !== "") addFinding(context, parseFinding(line), keys, page);
  }
  return page;
}

function parseFinding(line: string): z.infer<typeof Finding> {
  try {
    return Finding.parse(JSON.parse(line));
  } catch (cause) {
    throw new UnexpectedResponseError("X gave a finding of a compliance job that is not of the known form.", {
      cause,
      remedy: "Look for a newer version of the connector.",
    });
  }
}

function addFinding(
  context: TwitterReadContext,
  finding: z.infer<typeof Finding>,
  keys: Map<string, string>,
  page: ReturnType<typeof gather>,
): void {
  const key = keys.get(finding.id);
  if (key === undefined || finding.action !== "delete") return;
  const occurredAt = finding.redacted_at ?? context.startedAt.toISOString();
  addAbsence(page, {
    key,
    id: finding.id,
    absence: REASONS[finding.reason] ?? "unavailable",
    said: finding.reason,
    occurredAt,
  });
}

async function allPosts(context: TwitterReadContext) {
  const ranges = [...watchedAuthors(context.settings)].map((author) => ({
    from: `post:${author}:`,
    to: `post:${author};`,
  }));
  return (
    await Promise.all([...ranges, { from: "mention:", to: "mention;" }].map((range) => postsIn(context, range)))
  ).flat();
}

function after({ startedAt }: TwitterReadContext, delayMs: number): string {
  return new Date(startedAt.getTime() + delayMs).toISOString();
}
