import { join } from "node:path";
import { archiveExport } from "./bulk.ts";
import { generateExport } from "./generate-export.ts";
import { atMost, type Row } from "./measure.ts";

/** Whether a message costs more when there are many: processor time for each, and memory. */
export async function growth(work: string, small: number, large: number): Promise<Row[]> {
  const [few, many] = [
    await generateExport(work, { messages: small }),
    await generateExport(work, { messages: large }),
  ];
  const first = archiveExport(few, join(work, "growth"));
  const second = archiveExport(many, join(work, "growth"));
  const cost = (run: { cpuSeconds: number; messages: number }) => (run.cpuSeconds / run.messages) * 1e6;
  const early = Math.max(...second.rss.slice(0, Math.ceil(second.rss.length / 5)));
  const late = Math.max(...second.rss.slice(Math.floor((second.rss.length * 4) / 5)));
  return [
    atMost(
      `processor time for a message at ${large.toLocaleString("en-US")}, against ${small.toLocaleString("en-US")}`,
      cost(second) / cost(first),
      1.15,
      `${cost(first).toFixed(0)} and ${cost(second).toFixed(0)} µs`,
    ),
    atMost(
      "resident memory in the last fifth of the run, against the first",
      late / early,
      1.15,
      `${(late / 2 ** 20).toFixed(0)} MB`,
    ),
    atMost(`resident memory at ${large.toLocaleString("en-US")}`, second.maxRss / 2 ** 20, 600, "", " MB"),
  ];
}
