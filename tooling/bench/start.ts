import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../workspace.ts";
import { atMost, median, type Row } from "./measure.ts";

const BIN = join(ROOT, "apps", "runner", "dist", "bin.js");
const ROUNDS = 15;
const CONNECTORS = ["slack", "twitter", "salesforce-chatter", "bloomberg"];
const INSTALLED = 10;

/** `hansard --help`, and a command that loads the connector of the configuration, with nine more installed beside it or none. */
export function startUp(work: string): Row[] {
  const folder = mkdtempSync(join(work, "start-"));
  try {
    const [alone, crowded] = [join(folder, "alone"), join(folder, "crowded")];
    install(alone, 1);
    install(crowded, INSTALLED);
    const times = { help: [] as number[], alone: [] as number[], crowded: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      times.help.push(timedHansard(crowded, ["--help"], (printed) => printed.includes("hansard")));
      times.alone.push(timedHansard(alone, ["connectors", "--json"], namesSlackAlone));
      times.crowded.push(timedHansard(crowded, ["connectors", "--json"], namesSlackAlone));
    }
    return [
      atMost("`hansard --help`", median(times.help), 150, "", " ms"),
      atMost(
        `\`hansard connectors\`, which loads the one that is configured, with ${INSTALLED} installed against with that one, as a ratio`,
        median(times.crowded) / median(times.alone),
        1.15,
        `${median(times.crowded).toFixed(0)} against ${median(times.alone).toFixed(0)} ms`,
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A user's folder in which so many connectors are installed, built, and Slack alone is configured. */
function install(folder: string, connectors: number): void {
  const installed = join(folder, "node_modules", "@hansard");
  mkdirSync(installed, { recursive: true });
  for (const name of ["core", "archive", "journal"]) symlinkSync(join(ROOT, "packages", name), join(installed, name));
  for (let index = 0; index < connectors; index += 1) {
    const kind = CONNECTORS[index % CONNECTORS.length] ?? "";
    const name = `connector-${kind}${index < CONNECTORS.length ? "" : `-${index}`}`;
    installConnector(join(ROOT, "connectors", kind), join(installed, name), `@hansard/${name}`);
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  writeFileSync(
    join(folder, "hansard.yaml"),
    `sources:\n  slack: { settings: { export: ${JSON.stringify(folder)} } }\ndestinations:\n  archive: { thirdPartyMailbox: third@example.com }\npeople: { domains: [example.com] }\n`,
  );
}

/** What its package would hold, under any name. */
function installConnector(from: string, to: string, name: string): void {
  if (!existsSync(join(from, "dist"))) throw new Error(`${from} is not built: npm run build`);
  mkdirSync(to);
  cpSync(join(from, "dist"), join(to, "dist"), { recursive: true });
  const manifest = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
  writeFileSync(join(to, "package.json"), JSON.stringify({ ...manifest, name }));
  symlinkSync(join(from, "node_modules"), join(to, "node_modules"));
}

/** In milliseconds. A program that fails at once, or says something else, would be the faster one. */
function timedHansard(cwd: string, words: string[], isRight: (printed: string) => boolean): number {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...words], { cwd, encoding: "utf8" });
  const milliseconds = performance.now() - start;
  if (status !== 0 || !isRight(stdout))
    throw new Error(`hansard ${words.join(" ")} ended with ${status} and printed: ${stdout.slice(0, 500)}${stderr}`);
  return milliseconds;
}

function namesSlackAlone(printed: string): boolean {
  const { connectors } = JSON.parse(printed || "{}") as { connectors?: { connector: string }[] };
  return connectors?.length === 1 && connectors[0]?.connector === "slack";
}
