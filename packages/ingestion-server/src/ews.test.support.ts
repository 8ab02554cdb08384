import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@hansard/core";
import { heldToday } from "./delivery.test.support.ts";
import { type EwsOptions, ewsProtocol } from "./ews.ts";
import { type Fault, type FaultName, Faults } from "./faults.ts";
import { NoAnswer, sendAnswer } from "./server-http.ts";
import { ServerPace } from "./server-pace.ts";
import type { ServerContext } from "./server.ts";
import { type Application, Tokens } from "./server-token.ts";
import { openStore } from "./store.ts";
import type { MailboxSettings, Store } from "./store-types.ts";

export const TENANT = { id: "5f6a1b7e-0c1d-4a8e-9f3b-2d4c6e8f0a12", domain: "contoso.example" };
export const APPLICATION: Application = {
  clientId: "11111111-2222-3333-4444-555555555555",
  secret: "the-secret",
  permissions: ["full_access_as_app", "ThirdPartyIngestion"],
};
export const ACCOUNT = {
  user: "hansard@contoso.example",
  password: "p4ssword",
  mailbox: "hansard@contoso.example",
  mayImpersonate: true,
};
export const THIRD_PARTY = "third-party@contoso.example";

export interface TestEws {
  url: string;
  folder: string;
  store: Store;
  faults: Faults;
  tokens: Tokens;
  /** How many requests were answered. */
  requests: () => number;
  close(): Promise<void>;
}

/** The EWS half alone, on a port of its own. */
export async function openTestEws(options: {
  mailboxes: MailboxSettings[];
  ews?: EwsOptions;
  faults?: Partial<Record<FaultName, Fault>>;
  seed?: number;
  tokenLifetimeMs?: number;
}): Promise<TestEws> {
  const folder = await mkdtemp(join(tmpdir(), "ews-"));
  const store = await openStore(join(folder, "store"), options.mailboxes);
  const faults = new Faults(options.faults, options.seed);
  const tokens = new Tokens(folder, TENANT, [APPLICATION], options.tokenLifetimeMs ?? 3_600_000);
  let url = "";
  let requests = 0;
  const context: ServerContext = { store, faults, tokens, pace: new ServerPace(), url: () => url, folder };
  const protocol = ewsProtocol(context, { accounts: [ACCOUNT], thirdPartyMailbox: THIRD_PARTY, ...options.ews });
  const server = createServer((request, response) => {
    requests += 1;
    const answer = protocol.answer({
      request,
      url: new URL(request.url ?? "/", "http://localhost"),
      requestId: randomUUID(),
    });
    (answer ?? Promise.resolve({ status: 404, body: "" })).then(
      (found) => sendAnswer(response, found),
      (error: unknown) => {
        if (!(error instanceof NoAnswer))
          process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`);
        request.socket.destroy();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    folder,
    store,
    faults,
    tokens,
    requests: () => requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

export interface Logged {
  level: string;
  message: string;
  details: Record<string, unknown>;
}

/** Settings with which our own destination signs in there with a password. */
export function settingsFor(ews: TestEws, more: object = {}): object {
  return {
    url: `${ews.url}/EWS/Exchange.asmx`,
    signIn: { method: "basic", user: ACCOUNT.user, password: ACCOUNT.password },
    holds: heldToday(),
    settleMs: 50,
    ...more,
  };
}

/** A log that keeps what it is told. */
export function recordingLog(): Logger & { logged: Logged[] } {
  const logged: Logged[] = [];
  function at(level: string) {
    return (message: string, details: Record<string, unknown> = {}): void =>
      void logged.push({ level, message, details });
  }
  return { logged, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
