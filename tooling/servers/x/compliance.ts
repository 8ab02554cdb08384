import { problem } from "./refusal.ts";
import { type World, findPost } from "./world.ts";

export interface Job {
  id: string;
  ids: string[] | undefined;
  /** How often it was asked for: it is done at the second time. */
  asked: number;
}

export type Jobs = Map<string, Job>;

export function openJob(jobs: Jobs, base: string, body: string): object {
  const { type, ...rest } = JSON.parse(body) as { type?: string };
  if (type !== "tweets") throw problem(400, "Invalid Request", "The type must be tweets.");
  const unknown = Object.keys(rest).filter((name) => name !== "name" && name !== "resumable");
  if (unknown.length > 0) throw problem(400, "Invalid Request", `Unknown: ${unknown.join(", ")}.`);
  const job = { id: String(1000 + jobs.size), ids: undefined, asked: 0 };
  jobs.set(job.id, job);
  return { data: render(base, job) };
}

export function showJob(jobs: Jobs, base: string, id: string): object {
  const job = jobs.get(id);
  if (!job) throw problem(404, "Not Found", "There is no such job.");
  job.asked += 1;
  return { data: render(base, job) };
}

function render(base: string, { id, ids, asked }: Job): object {
  const status = ids === undefined ? "created" : asked < 2 ? "in_progress" : "complete";
  return { id, type: "tweets", status, upload_url: `${base}/upload/${id}`, download_url: `${base}/download/${id}` };
}

export function findingsOf(world: World, { ids = [] }: Job): string {
  const lines = ids.flatMap((id) => {
    const post = findPost(world, id);
    const author = post && world.users.get(post.author);
    const reason =
      !post || post.deleted ? "deleted" : author?.suspended ? "suspended" : author?.protected ? "protected" : undefined;
    const redacted = new Date(world.now).toISOString();
    return reason === undefined
      ? []
      : [JSON.stringify({ id, action: "delete", created_at: redacted, redacted_at: redacted, reason })];
  });
  return lines.join("\n");
}
