import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type EwsOptions, ewsProtocol } from "./ews.ts";
import { type Fault, type FaultName, Faults } from "./faults.ts";
import { graphProtocol } from "./graph.ts";
import { type Answer, NoAnswer, readBody, sendAnswer } from "./server-http.ts";
import { type PaceLimits, ServerPace } from "./server-pace.ts";
import { type Application, type Tenant, Tokens } from "./server-token.ts";
import { openStore } from "./store.ts";
import type { MailboxSettings, Store } from "./store-types.ts";

export interface IngestionServerOptions {
  /** Where everything is kept. It is made where it does not exist. */
  folder: string;
  /** Absent or 0: one that is free. */
  port?: number;
  /** Absent: 127.0.0.1. */
  host?: string;
  /** PEM. Absent: plain HTTP. */
  tls?: { key: string; cert: string };
  tenant?: Tenant;
  applications?: Application[];
  mailboxes?: MailboxSettings[];
  /** Lower limits than Microsoft's, for tests. */
  limits?: Partial<PaceLimits>;
  faults?: Partial<Record<FaultName, Fault>>;
  /** Of the faults' chance. */
  seed?: number;
  tokenLifetimeMs?: number;
  /** Who may use EWS, and whether there is a partner ingestion service. */
  ews?: EwsOptions;
}

/** What each protocol works with. */
export interface ServerContext {
  store: Store;
  faults: Faults;
  tokens: Tokens;
  pace: ServerPace;
  /** The server's own address, without a slash at its end. */
  url: () => string;
  folder: string;
}

/** One request on its way through a protocol. */
export interface Exchange {
  request: IncomingMessage;
  url: URL;
  /** The server's id of it. */
  requestId: string;
}

/** A way of speaking to the server. */
export interface Protocol {
  /** Undefined: the path is not of this protocol. */
  answer(exchange: Exchange): Promise<Answer> | undefined;
  close?(): Promise<void>;
}

export interface IngestionServer {
  url: string;
  port: number;
  store: Store;
  faults: Faults;
  tokens: Tokens;
  pace: ServerPace;
  /** Stops at once, as a crash would: connections are torn, and what is under way has no answer. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

const TENANT: Tenant = { id: "5f6a1b7e-0c1d-4a8e-9f3b-2d4c6e8f0a12", domain: "contoso.example" };
const TOKEN_LIFETIME_MS = 3600_000;
const FORM_BYTES = 64 * 1024;

/** Starts the service. It answers when the promise resolves. */
export async function openIngestionServer(options: IngestionServerOptions): Promise<IngestionServer> {
  const { folder, tenant = TENANT, applications = [], mailboxes = [], limits, faults: settings, seed, tls } = options;
  const store = await openStore(folder, mailboxes);
  const faults = new Faults(settings, seed);
  const tokens = new Tokens(folder, tenant, applications, options.tokenLifetimeMs ?? TOKEN_LIFETIME_MS);
  const pace = new ServerPace(limits);
  let url = "";
  const context: ServerContext = { store, faults, tokens, pace, url: () => url, folder };
  const protocols = [tokenProtocol(context), graphProtocol(context), ewsProtocol(context, options.ews)];
  const listener = (request: IncomingMessage, response: ServerResponse) => void handle(protocols, request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.keepAliveTimeout = 30_000;
  const port = await listen(server, options.port ?? 0, options.host ?? "127.0.0.1");
  url = `${tls === undefined ? "http" : "https"}://${options.host ?? "127.0.0.1"}:${port}`;

  async function stop(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const protocol of protocols) await protocol.close?.();
    await store.close();
  }
  return { url, port, store, faults, tokens, pace, kill: stop, close: stop };
}

/** `POST /{tenant}/oauth2/v2.0/token`, and what clients ask before it. */
function tokenProtocol({ tokens, url }: ServerContext): Protocol {
  return {
    answer({ request, url: { pathname } }) {
      const [, tenant, path] =
        /^\/([^/]+)\/(oauth2\/v2\.0\/token|v2\.0\/\.well-known\/openid-configuration)$/.exec(pathname) ?? [];
      if (tenant === undefined) return undefined;
      if (path !== "oauth2/v2.0/token") return Promise.resolve(discovery(url(), tenant));
      return readBody(request, FORM_BYTES).then((body) =>
        tokens.answer(tenant, new URLSearchParams(body.toString()), url()),
      );
    },
  };
}

function discovery(url: string, tenant: string): Answer {
  const base = `${url}/${tenant}`;
  return {
    status: 200,
    json: {
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    },
  };
}

async function handle(protocols: Protocol[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const exchange: Exchange = { request, url: new URL(request.url ?? "/", "http://localhost"), requestId: randomUUID() };
  try {
    const answer = firstOf(protocols, exchange);
    await sendAnswer(response, answer === undefined ? { status: 404, body: "" } : await answer);
  } catch (error) {
    if (error instanceof NoAnswer && error.kind === "silence") return;
    if (error instanceof NoAnswer || response.headersSent) request.socket.destroy();
    else
      await sendAnswer(response, {
        status: 500,
        json: {
          error: { code: "InternalServerError", message: error instanceof Error ? error.message : String(error) },
        },
      });
  }
}

function firstOf(protocols: Protocol[], exchange: Exchange): Promise<Answer> | undefined {
  for (const protocol of protocols) {
    const answer = protocol.answer(exchange);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
