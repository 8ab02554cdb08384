import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROOT } from "../workspace.ts";
import { PROMISES } from "./promises.ts";

/** What a run found, as it stands in the table. */
interface Figures {
  figures: string;
  seed: number | null;
  on: string;
  machine: string;
}

const DATA = join(ROOT, "docs", "reliability.json");
const PAGE = join(ROOT, "docs", "reliability.md");

/** Writes a run's figures into docs/reliability.md. Only a run that passed may; a benchmark names the goals that it missed. */
export function record(id: string, figures: string, seed?: number): void {
  if (!PROMISES.some((promise) => promise.id === id))
    throw new Error(`tooling/reliability/promises.ts has no promise "${id}".`);
  const all = recorded();
  const machine = `${cpus().length} cores (${(cpus()[0]?.model ?? "unknown").trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()}, Node ${process.versions.node}`;
  all[id] = { figures, seed: seed ?? null, on: new Date().toISOString().slice(0, 10), machine };
  writeFileSync(DATA, `${JSON.stringify(all, undefined, 2)}\n`);
  writeFileSync(PAGE, page(all));
}

/** The page as it must be for what was recorded. */
export function page(all: Record<string, Figures> = recorded()): string {
  const rows = PROMISES.map(({ id, promise, test, command }) => {
    const last = all[id];
    const figures = last
      ? `${last.figures} (${last.on}${last.seed === null ? "" : `, seed ${last.seed}`})`
      : "not recorded yet";
    return `| ${promise} | ${test ? `\`${test}\`<br>` : ""}\`${command}\` | ${figures} |`;
  });
  const machines = [...new Set(Object.values(all).map(({ machine }) => machine))];
  return `# Reliability

What Hansard promises, the test that shows it, and what that test last found. The runs write this page themselves (\`--write\`); a row that was not recorded yet
has only its slice in \`npm test\` behind it, not the full run that it names.

| promise | test, and the command for all of it | last figures |
| --- | --- | --- |
${rows.join("\n")}

Measured on: ${machines.join("; ") || "nothing yet"}.

## What is not promised

* Whoever is root on the host can destroy the archive. Only a head that was kept elsewhere, or a copy, reveals or mends that.
* A destination that is not exactly-once and commits later than it says can come to hold a copy twice. That is found and reported.
* What a source never returns cannot be captured. Each connector's README says what that is, and known holes are gaps in the books.
* Killing processes and cutting an image's power do not model a disk that lies about having written.
`;
}

function recorded(): Record<string, Figures> {
  return existsSync(DATA) ? JSON.parse(readFileSync(DATA, "utf8")) : {};
}
