import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { openArchive } from "@hansard/archive";
import { atMost, isThere, percentile, type Row } from "./measure.ts";
import { notmuchEnvironment } from "./peers.ts";
import { randomFrom } from "../random.ts";

const QUERIES = 200;

/** How long it takes to find the newest 20, and whether notmuch finds the same. */
export async function searchTimes(archiveFolder: string): Promise<Row[]> {
  const archive = await openArchive(archiveFolder);
  const total = await countAll(archive);
  const random = randomFrom(5);
  await archive.search("ba");
  const words = await commonWords(archive);
  const { phrases, people } = await seenIn(archive);
  const pick = (of: string[]) => of[Math.floor(random() * of.length)] ?? "";
  const kinds: Record<string, () => string> = {
    "one word": () => pick(words),
    "a phrase": () => `"${pick(phrases)}"`,
    "a person and dates": () => `from:${pick(people)} sent>=2025-01-01 sent<2025-01-08`,
  };
  const rows: Row[] = [];
  for (const [kind, query] of Object.entries(kinds)) {
    const times: number[] = [];
    let found = 0;
    for (let round = 0; round < QUERIES; round += 1) {
      const start = performance.now();
      const { hits } = await archive.search(query(), { limit: 20 });
      times.push(performance.now() - start);
      if (hits.length > 0) found += 1;
    }
    if (found < QUERIES * 0.95)
      throw new Error(`Only ${found} of ${QUERIES} searches for ${kind} found anything. To find nothing is quick.`);
    rows.push(
      atMost(
        `search for ${kind} in ${total.toLocaleString("en-US")} messages, newest 20, 95th percentile`,
        percentile(times, 0.95),
        20,
        `median ${percentile(times, 0.5).toFixed(2)} ms, ${found} of ${QUERIES} found something`,
        " ms",
      ),
    );
  }
  await archive.close();
  return rows;
}

/** The same hits as `notmuch search` over the same mails: those of the bulk import, of which alone there are files. */
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
  const total = await countAll(archive);
  await archive.close();
  return {
    what: `queries with the same hits as notmuch, over the ${total.toLocaleString("en-US")} messages of the bulk import`,
    measured: `${same} of ${queries.length}`,
    goal: `${queries.length}`,
    ok: same === queries.length,
  };
}

function countAll(archive: Awaited<ReturnType<typeof openArchive>>): Promise<number> {
  return archive.mail.count("kind:externaldata");
}

/** Pairs of words that stand side by side somewhere, and people who wrote: what nobody wrote would be found missing at once. */
async function seenIn(archive: Awaited<ReturnType<typeof openArchive>>) {
  const { hits } = await archive.search("kind:externaldata", { limit: 200 });
  const phrases = hits.flatMap(({ subject }) =>
    Array.from(subject.matchAll(/\b([a-z]{2,12}) (?=([a-z]{2,12})( |$))/g), ([, one, other]) => `${one} ${other}`),
  );
  const people = new Set(hits.map(({ from }) => /<(.+)>/.exec(from)?.[1] ?? from));
  return { phrases, people: [...people] };
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
