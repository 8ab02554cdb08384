import { join } from "node:path";
import { archiveExport, type BulkRun, type Progress } from "./archive-run.ts";
import { generateExport } from "./generate-export.ts";
import { atMost, type Row } from "./measure.ts";

const WINDOW = 100_000;
const GOAL = 1.15;

/** Whether a message costs more when there are many: processor time for each, and memory. */
export async function growth(work: string, small: number, large: number): Promise<Row[]> {
  const [few, many] = [
    await generateExport(work, { messages: small }),
    await generateExport(work, { messages: large }),
  ];
  const first = archiveExport(few, join(work, "growth"), small);
  const second = archiveExport(many, join(work, "growth"), large);
  return [...marginal(second), averaged(first, second), ...memory(second)];
}

/**
 * What the last messages cost against what the second hundred thousand of the same run did: an average from the start
 * would hide most of a growth. Start-up and compilation are in the first. Reading the export ends before delivery does,
 * so that the very last messages do not bear any of it: a second row takes the last ones that do.
 */
function marginal({ messages, progress }: BulkRun): Row[] {
  const size = Math.min(WINDOW, Math.floor(messages / 5));
  const reading = progress.findLast(({ read }) => read < messages)?.messages ?? messages;
  const early = costs(progress, size, 2 * size);
  return [
    ["", messages] as const,
    [" that were delivered while the export was still being read", Math.max(reading, 3 * size)] as const,
  ].map(([which, end]) => {
    const late = costs(progress, end - size, end);
    return atMost(
      `processor time for a message: the last ${number(size)} of ${number(messages)}${which}, against the second ${number(size)} of the same run`,
      late.cpu / early.cpu,
      GOAL,
      `${micros(late.cpu)} against ${micros(early.cpu)}; elapsed ${micros(late.elapsed)} against ${micros(early.elapsed)}; ${late.read.toFixed(2)} against ${early.read.toFixed(2)} read meanwhile for each delivered`,
    );
  });
}

function averaged(first: BulkRun, second: BulkRun): Row {
  const cost = (run: BulkRun) => (run.cpuSeconds / run.messages) * 1e6;
  return atMost(
    `processor time for a message at ${number(second.messages)} against ${number(first.messages)}, averaged from the start`,
    cost(second) / cost(first),
    GOAL,
    `${micros(cost(second))} against ${micros(cost(first))}`,
  );
}

function memory({ rss, maxRss, messages }: BulkRun): Row[] {
  const early = Math.max(...rss.slice(0, Math.ceil(rss.length / 5)));
  const late = Math.max(...rss.slice(Math.floor((rss.length * 4) / 5)));
  return [
    atMost(
      "resident memory in the last fifth of the run, against the first",
      late / early,
      GOAL,
      `${(late / 2 ** 20).toFixed(0)} MB`,
    ),
    atMost(`resident memory at ${number(messages)}`, maxRss / 2 ** 20, 600, "", " MB"),
  ];
}

/** For each message delivered between two counts: microseconds of the processor and of the clock, and messages read. */
function costs(progress: Progress[], after: number, through: number) {
  const [from, to] = [at(progress, after), at(progress, through)];
  const each = (of: keyof Progress) => (to[of] - from[of]) / (through - after);
  return { cpu: each("cpuSeconds") * 1e6, elapsed: each("seconds") * 1e6, read: each("read") };
}

/** Batches end where they end: in between, what was taken is taken to have grown evenly. */
function at(progress: Progress[], messages: number): Progress {
  const next = progress.findIndex((sample) => sample.messages >= messages);
  const [before, after] = [progress[next - 1], progress[next]];
  if (after === undefined) throw new Error(`The run tells nothing of its message ${number(messages)}.`);
  if (before === undefined || after.messages === before.messages) return after;
  const share = (messages - before.messages) / (after.messages - before.messages);
  const between = (of: keyof Progress) => before[of] + (after[of] - before[of]) * share;
  return { messages, read: between("read"), seconds: between("seconds"), cpuSeconds: between("cpuSeconds") };
}

function number(count: number): string {
  return count.toLocaleString("en-US");
}

function micros(value: number): string {
  return `${value.toFixed(0)} µs`;
}
