import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openArchive } from "@hansard/archive";
import { generateExport } from "./generate-export.ts";
import { atLeast, atMost, bytesIn, child, isThere, LARGE_RUNS, median, type Row, rate } from "./measure.ts";
import { muIndex, notmuchNew } from "./peers.ts";
import { stageWords } from "./stage-words.ts";

export interface BulkRun {
  messages: number;
  copies: number;
  found: number;
  seconds: number;
  captureSeconds: number;
  cpuSeconds: number;
  maxRss: number;
  rss: number[];
}

const HERE = import.meta.dirname;

/** From the export's files to searchable, durable mail, against notmuch, mu and the floor: all in turn in each round. */
export async function bulk(work: string, messages: number, rounds: number): Promise<Row[]> {
  const slackExport = await generateExport(work, { messages });
  const target = join(work, "bulk");
  archiveExport(slackExport, target);
  const maildir = join(work, "maildir");
  const bytes = await writeMaildir(join(target, "archive"), maildir);
  stageWords(join(target, "archive"));
  const finished = join(work, "finished");
  rmSync(finished, { recursive: true, force: true });
  cpSync(target, finished, { recursive: true });
  const times = { hansard: [] as number[], notmuch: [] as number[], mu: [] as number[], floor: [] as number[] };
  let last: BulkRun | undefined;
  for (let round = 0; round < rounds; round += 1) {
    last = archiveExport(slackExport, target);
    times.hansard.push(last.seconds);
    times.floor.push(floor(finished, join(work, "floor")));
    if (isThere("notmuch")) times.notmuch.push(notmuchNew(maildir, join(work, "peers")));
    if (isThere("mu")) times.mu.push(muIndex(maildir, join(work, "peers")));
    process.stderr.write(
      `  round ${round + 1}: ${JSON.stringify({ hansard: times.hansard.at(-1), floor: times.floor.at(-1), notmuch: times.notmuch.at(-1), mu: times.mu.at(-1) })}\n`,
    );
  }
  const ours = median(times.hansard);
  const against = (what: string, theirs: number[], goal: number): Row[] =>
    theirs.length === 0
      ? [{ what: `${what} (not installed)`, measured: "-", goal: `≥ ${goal}`, ok: undefined }]
      : [
          atLeast(
            what,
            median(theirs) / ours,
            goal,
            `${rate(messages, ours)} against ${rate(messages, median(theirs))}`,
          ),
        ];
  const archiveBytes = bytesIn(join(target, "archive"));
  return [
    ...against(`${messages.toLocaleString("en-US")} messages, as fast as \`notmuch new\` times`, times.notmuch, 8),
    ...against("as fast as `mu index` times", times.mu, 4),
    ...against("share of the floor's speed", times.floor, 0.5),
    atMost(
      "store and index, as a share of the mail's bytes",
      archiveBytes / bytes,
      1.2,
      `${megabytes(archiveBytes)} for ${megabytes(bytes)}`,
    ),
    atMost("resident memory with the index's thread", (last?.maxRss ?? 0) / 2 ** 20, 600, "", " MB"),
  ];
}

export function archiveExport(slackExport: string, target: string, nodeOptions: string[] = LARGE_RUNS): BulkRun {
  return child<BulkRun>(join(HERE, "archive-export.ts"), [slackExport, target], nodeOptions);
}

function floor(finished: string, target: string): number {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  return child<{ seconds: number }>(join(HERE, "floor.ts"), [finished, target]).seconds;
}

/** The same messages as files, one each, as the peers want them. Gives their bytes. */
async function writeMaildir(archiveFolder: string, maildir: string): Promise<number> {
  rmSync(maildir, { recursive: true, force: true });
  for (const folder of ["cur", "new", "tmp"]) mkdirSync(join(maildir, folder), { recursive: true });
  const archive = await openArchive(archiveFolder);
  let [number, bytes] = [0, 0];
  for await (const { messageId } of archive.mail.list()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive.mail.mail(messageId)) chunks.push(chunk);
    const mail = Buffer.concat(chunks);
    writeFileSync(join(maildir, "cur", `${(number += 1)}.bench:2,S`), mail);
    bytes += mail.length;
  }
  await archive.close();
  return bytes;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
