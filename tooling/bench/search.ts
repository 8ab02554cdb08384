import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { openArchive } from "@hansard/archive";
import { atMost, isThere, percentile, type Row } from "./measure.ts";
import { notmuchEnvironment } from "./peers.ts";
import { randomFrom } from "../random.ts";

/** How long it takes to find the newest 20, and whether notmuch finds the same. */
export async function searchTimes(archiveFolder: string): Promise<Row[]> {
  const archive = await openArchive(archiveFolder);
  const random = randomFrom(5);
  await archive.search("ba");
  const words = await commonWords(archive);
  const pick = () => words[Math.floor(random() * words.length)] ?? "ba";
  const kinds: Record<string, () => string> = {
    "one word": pick,
    "a phrase": () => `"${words[0]} ${pick()}"`,
    "a person and dates": () =>
      `from:person${Math.floor(random() * 500)}@contoso.example sent>=2025-01-02 sent<2025-01-09`,
  };
  const rows: Row[] = [];
  for (const [kind, query] of Object.entries(kinds)) {
    const times: number[] = [];
    for (let round = 0; round < 200; round += 1) {
      const start = performance.now();
      await archive.search(query(), { limit: 20 });
      times.push(performance.now() - start);
    }
    rows.push(
      atMost(
        `search for ${kind}, newest 20, 95th percentile`,
        percentile(times, 0.95),
        20,
        `median ${percentile(times, 0.5).toFixed(2)} ms`,
        " ms",
      ),
    );
  }
  await archive.close();
  return rows;
}

/** The same hits as `notmuch search` over the same mails. */
export async function sameHits(archiveFolder: string, maildir: string, work: string): Promise<Row> {
  if (!isThere("notmuch"))
    return { what: "the same hits as notmuch (not installed)", measured: "-", goal: "all", ok: undefined };
  const archive = await openArchive(archiveFolder);
  const words = await commonWords(archive);
  const queries = [
    ...words.slice(0, 20),
    `"${words[0]} ${words[1]}"`,
    `${words[3]} AND ${words[4]}`,
    "from:person7@contoso.example",
  ];
  const environment = notmuchEnvironment(maildir, join(work, "peers"));
  let same = 0;
  for (const query of queries) {
    const { stdout } = spawnSync("notmuch", ["search", "--output=messages", "--exclude=false", query], {
      env: environment,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const theirs = new Set(
      stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => `<${line.slice(3)}>`),
    );
    const ours = new Set<string>();
    for await (const { messageId } of archive.mail.list(query)) ours.add(messageId);
    if (theirs.size > 0 && theirs.size === ours.size && [...theirs].every((id) => ours.has(id))) same += 1;
    else process.stderr.write(`  ${query}: notmuch ${theirs.size}, ours ${ours.size}\n`);
  }
  await archive.close();
  return {
    what: "queries with the same hits as notmuch",
    measured: `${same} of ${queries.length}`,
    goal: `${queries.length}`,
    ok: same === queries.length,
  };
}

/** Words of the archive's own messages, from common to rare. */
async function commonWords(archive: Awaited<ReturnType<typeof openArchive>>): Promise<string[]> {
  const { hits } = await archive.search("kind:externaldata", { limit: 200 });
  const counts = new Map<string, number>();
  for (const { subject } of hits)
    for (const word of subject.toLowerCase().match(/\b[a-z]{4,12}\b/g) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .filter(([word]) => word !== "channel" && word !== "person")
    .sort((a, b) => b[1] - a[1])
    .map(([word]) => word);
}
