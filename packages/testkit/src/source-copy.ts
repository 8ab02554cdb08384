import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connector, type HttpClient, type Logger, Secret, UnavailableError } from "@hansard/core";
import { createHttpClient } from "@hansard/core/ingestion";
import { type FaultServer, startFaultServer } from "./fault-server.ts";
import { forwardTo } from "./forward.ts";
import type { ConformanceSource, RunningServer, Settings, SourceCopy } from "./options.ts";
import { must } from "./suite.ts";

/** A fresh copy of the source, ready to be read. */
export interface OpenCopy extends AsyncDisposable {
  /** The settings as given, before the connector's schema has parsed them. */
  configured: Settings;
  /** The settings as the connector gets them. */
  settings: unknown;
  /** Absent for a source that does not speak HTTP. */
  server: FaultServer | undefined;
  now: () => Date;
  http(signal: AbortSignal, log: Logger): HttpClient & { close(): Promise<void> };
  /** Makes happen what happens after a first read. */
  moveOn(): Promise<void>;
}

/** The wait for which a request for patience is obeyed within the HTTP client. */
export const LONGEST_WAIT_MS = 5_000;

export async function openCopy(
  connector: Connector,
  source: ConformanceSource,
  { large = false } = {},
): Promise<OpenCopy> {
  const folder = await mkdtemp(join(tmpdir(), "hansard-conformance-"));
  const state = { later: false, large };
  const started = await source.start?.({ folder, large });
  const server = await startInFront(source, started, state);
  const copy: SourceCopy = { url: server?.url ?? "", folder, large, server: started as RunningServer };
  const configured = typeof source.settings === "function" ? await source.settings(copy) : source.settings;
  const settings = await parse(connector, configured);
  const now = source.now ?? started?.now?.bind(started) ?? (() => new Date());
  return {
    configured,
    settings,
    server,
    now,
    http: (signal, log) =>
      server ? openHttp(connector, { configured, settings, signal, log, now, url: server.url }) : offline(),
    async moveOn() {
      state.later = true;
      await source.later?.happen?.(copy);
    },
    async [Symbol.asyncDispose]() {
      await server?.close();
      await started?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startInFront(
  { answer }: ConformanceSource,
  started: RunningServer | undefined,
  state: { later: boolean; large: boolean },
): Promise<FaultServer | undefined> {
  if (started) return startFaultServer(forwardTo(started.url));
  return answer && startFaultServer(() => (request) => answer(request, { ...state }));
}

async function parse(connector: Connector, configured: Settings): Promise<unknown> {
  const parsed = await connector.settings["~standard"].validate(structuredClone(configured));
  must(
    !parsed.issues,
    () =>
      `The settings that the suite is given are refused by the connector's own schema: ${parsed.issues?.map(({ message }) => message).join("; ")}.`,
  );
  return parsed.value;
}

interface HttpSetup {
  configured: Settings;
  settings: unknown;
  signal: AbortSignal;
  log: Logger;
  now: () => Date;
  url: string;
}

/** As a runner opens it, but patient for an instant only, and never beyond the machine. */
function openHttp(connector: Connector, { configured, settings, signal, log, now, url }: HttpSetup) {
  const own = new URL(url).host;
  const hosts = (connector.hosts?.(settings as never) ?? []).filter((host) => host === own);
  const named = JSON.stringify(configured).toLowerCase();
  const allowPrivate = hosts.filter((host) => named.includes(host.toLowerCase()));
  return createHttpClient({
    hosts,
    allowPrivate,
    signal,
    log,
    userAgent: `Hansard/1.0 (${connector.id})`,
    secrets: secretsIn(settings),
    maxRetries: 1,
    backoffMs: 1,
    maxWaitMs: LONGEST_WAIT_MS,
    now: () => now().getTime(),
  });
}

function offline(): HttpClient & { close(): Promise<void> } {
  const refuse = () =>
    Promise.reject(
      new UnavailableError("The conformance suite has no network beyond the source's own server.", {
        remedy: "Give the suite an `answer` or a `start`.",
      }),
    );
  return { request: refuse, json: refuse, download: refuse, close: () => Promise.resolve() };
}

function secretsIn(settings: unknown): Secret[] {
  if (settings instanceof Secret) return [settings];
  return typeof settings === "object" && settings !== null ? Object.values(settings).flatMap(secretsIn) : [];
}
