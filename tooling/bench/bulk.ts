import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openArchive } from "@hansard/archive";
import { archiveExport } from "./archive-run.ts";
import { generateExport } from "./generate-export.ts";
import { assertDone, atLeast, atMost, bytesIn, child, isThere, median, type Row, rate } from "./measure.ts";
import { muIndex, notmuchNew, versionOf } from "./peers.ts";
import { stageRows } from "./stage-rows.ts";

interface Times {
  /** From outside, as the peers are timed, and from inside, as the floor is, whose check of its rows does not count. */
  whole: number[];
  inside: number[];
  floor: number[];
  notmuch: number[];
  mu: number[];
}

/** From the export's files to searchable, durable mail, against notmuch, mu and the floor: all in turn in each round. */
export async function bulk(work: string, messages: number, rounds: number): Promise<Row[]> {
  const slackExport = await generateExport(work, { messages });
  const [target, finished, maildir] = [join(work, "bulk"), join(work, "finished"), join(work, "maildir")];
  archiveExport(slackExport, target, messages);
  const { mails, bytes } = await writeMaildir(join(target, "archive"), maildir);
  assertDone("mails for the peers", mails, messages);
  rmSync(finished, { recursive: true, force: true });
  cpSync(target, finished, { recursive: true });
  stageRows(finished);
  const times: Times = { whole: [], inside: [], floor: [], notmuch: [], mu: [] };
  const memory: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const run = archiveExport(slackExport, target, messages);
    memory.push(run.maxRss);
    times.whole.push(run.wholeSeconds);
    times.inside.push(run.seconds);
    times.floor.push(floor(finished, join(work, "floor")));
    if (isThere("notmuch")) times.notmuch.push(notmuchNew(maildir, join(work, "peers")));
    if (isThere("mu")) times.mu.push(muIndex(maildir, join(work, "peers")));
    const last = Object.entries(times).map(([whose, seconds]) => [whose, seconds.at(-1)]);
    process.stderr.write(`  round ${round + 1}: ${JSON.stringify(Object.fromEntries(last))}\n`);
  }
  const archiveBytes = bytesIn(join(target, "archive"));
  return [
    ...speeds(messages, times),
    atMost(
      "store and index, as a share of the mail's bytes",
      archiveBytes / bytes,
      1.2,
      `${megabytes(archiveBytes)} for ${megabytes(bytes)}`,
    ),
    atMost("resident memory with the index's thread", Math.max(...memory) / 2 ** 20, 600, "", " MB"),
  ];
}

function speeds(messages: number, times: Times): Row[] {
  const against = (what: string, ours: number[], theirs: number[], goal: number): Row =>
    atLeast(
      what,
      median(theirs) / median(ours),
      goal,
      `${rate(messages, median(ours))} against ${rate(messages, median(theirs))}`,
    );
  const peer = (command: "notmuch" | "mu", words: string, goal: number): Row => {
    if (times[command].length === 0)
      return { what: `as fast as \`${words}\` times (not installed)`, measured: "-", goal: `≥ ${goal}`, ok: undefined };
    const what = `${messages.toLocaleString("en-US")} messages, as fast as \`${words}\` (${versionOf(command)}) times`;
    return against(what, times.whole, times[command], goal);
  };
  return [
    peer("notmuch", "notmuch new", 8),
    peer("mu", "mu index", 4),
    against("share of the speed of a program that only writes the same rows and index", times.inside, times.floor, 0.5),
  ];
}

function floor(finished: string, target: string): number {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  return child<{ seconds: number }>(join(import.meta.dirname, "floor.ts"), [finished, target]).seconds;
}

/** The same messages as files, one each, as the peers want them. */
async function writeMaildir(archiveFolder: string, maildir: string): Promise<{ mails: number; bytes: number }> {
  rmSync(maildir, { recursive: true, force: true });
  for (const folder of ["cur", "new", "tmp"]) mkdirSync(join(maildir, folder), { recursive: true });
  const archive = await openArchive(archiveFolder);
  let [mails, bytes] = [0, 0];
  for await (const { messageId } of archive.mail.list()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of archive.mail.mail(messageId)) chunks.push(chunk);
    const mail = Buffer.concat(chunks);
    writeFileSync(join(maildir, "cur", `${(mails += 1)}.bench:2,S`), mail);
    bytes += mail.length;
  }
  await archive.close();
  return { mails, bytes };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
