import { once } from "node:events";
import { resolve } from "node:path";
import { loadIngestionServer } from "../load-plugin.ts";

interface ServeIngestionOptions {
  [option: string]: unknown;
  folder?: unknown;
  port?: unknown;
  settings?: unknown;
}

/** Runs the local ingestion server until it is interrupted: mailboxes that speak Graph and EWS, without Microsoft. */
export async function serveIngestion({ folder, port, settings }: ServeIngestionOptions): Promise<number> {
  const { serve } = await loadIngestionServer(process.cwd());
  const served = await serve({
    folder: resolve(typeof folder === "string" ? folder : "hansard-ingestion"),
    ...(typeof port === "number" ? { port } : {}),
    ...(typeof settings === "string" ? { configurationFile: settings } : {}),
    onChange: (sentence) => process.stderr.write(`${sentence}\n`),
  });
  process.stdout.write(
    `Serving at ${served.url}; mailboxes, applications and faults are in ${served.configurationFile}.\n`,
  );
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await served.close();
  return 0;
}
