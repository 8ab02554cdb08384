import { isHansardError } from "@hansard/core";
import { check, connectors } from "./commands/plugins.ts";
import { search, show } from "./commands/archive.ts";
import { exportMessages } from "./commands/export.ts";
import { init } from "./commands/init.ts";
import { reroute, unmappedPeople } from "./commands/people.ts";
import { listQuarantine, retryQuarantine, showQuarantine } from "./commands/quarantine.ts";
import { reconcile } from "./commands/reconcile.ts";
import { replay } from "./commands/replay.ts";
import { run } from "./commands/run.ts";
import { serveIngestion } from "./commands/serve-ingestion.ts";
import { forgetState } from "./commands/state.ts";
import { gaps, status, verify } from "./commands/status.ts";
import { verifyExport } from "./commands/verify-export.ts";
import { configurationSchema } from "./config/json-schema.ts";
import { Installation } from "./installation.ts";

/** The options of any command, as the command line gave them. */
export interface Options {
  config?: string;
  verbose?: boolean;
  json?: boolean;
  source?: string;
  [name: string]: unknown;
}

type Perform = (
  installation: Installation,
  received: unknown[],
  options: Options,
  signal: AbortSignal,
) => Promise<number>;

const COMMANDS: Record<string, Perform> = {
  check: (installation, _, options, signal) => check(installation, options, signal),
  run: (installation, _, options, signal) => run(installation, options, signal),
  status: (installation, _, options) => status(installation, options),
  reconcile: (installation, _, options, signal) => reconcile(installation, options, signal),
  gaps: (installation, _, options) => gaps(installation, options),
  "quarantine list": (installation, _, options) => listQuarantine(installation, options),
  "quarantine show": (installation, [id], options) => showQuarantine(installation, Number(id), options),
  "quarantine retry": (installation, [ids], options, signal) =>
    retryQuarantine(installation, Array.isArray(ids) ? ids : [], options, signal),
  "people unmapped": (installation, _, options) => unmappedPeople(installation, options),
  reroute: (installation, _, options, signal) => reroute(installation, options, signal),
  replay: (installation, _, options, signal) => replay(installation, options, signal),
  verify: (installation, _, options) => verify(installation, options),
  search: (installation, [words], options) =>
    search(installation, Array.isArray(words) ? words.join(" ") : "", options),
  show: (installation, [id], options) => show(installation, String(id), options),
  export: (installation, [folder], options) => exportMessages(installation, String(folder), options),
  "state forget": (installation, [source], options) => forgetState(installation, String(source), options),
  connectors: (installation, _, options) => connectors(installation, options),
};

/** Carries out a command and gives its exit code. What goes wrong is said in sentences on the error output. */
export async function perform(name: string, received: unknown[], options: Options): Promise<number> {
  try {
    if (name === "init") return await init(options);
    if (name === "schema") return printSchema();
    if (name === "serve-ingestion") return await serveIngestion(options);
    if (name === "verify" && typeof received[0] === "string") return await verifyExport(received[0], options);
    return await withInstallation(options, (installation, signal) =>
      (COMMANDS[name] ?? unknown(name))(installation, received, options, signal),
    );
  } catch (error) {
    return explain(error, options.verbose === true);
  }
}

async function withInstallation(
  options: Options,
  work: (installation: Installation, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  const installation = new Installation(options);
  try {
    const code = await work(installation, stop.signal);
    await installation.close();
    return code;
  } catch (error) {
    await installation.close().catch(() => undefined);
    throw error;
  }
}

function printSchema(): number {
  process.stdout.write(`${JSON.stringify(configurationSchema(), undefined, 2)}\n`);
  return 0;
}

function explain(error: unknown, verbose: boolean): number {
  if (isHansardError(error)) {
    process.stderr.write(`${error.message}\n${error.remedy ? `${error.remedy}\n` : ""}`);
    return error.kind === "settings" ? 2 : 1;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(
    `hansard failed and ended: ${message}\nWhat was durable is kept. After mending the cause, run the same command again: it goes on from there.\n`,
  );
  if (verbose && stack) process.stderr.write(`${stack}\n`);
  return 70;
}

function unknown(name: string): never {
  throw new Error(`There is no command "${name}".`);
}
