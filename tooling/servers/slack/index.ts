import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { DISCOVERY } from "./discovery-methods.ts";
import { checkParameters, METHODS } from "./parameters.ts";
import { Refusal } from "./refusal.ts";
import { WEB } from "./web-methods.ts";
import { serveSockets, type Sockets } from "./sockets.ts";
import type { JsonObject, World } from "./workspace.ts";

export { appearAll, happen, post } from "./activity.ts";
export { writeExport } from "./export.ts";
export type { Sockets } from "./sockets.ts";
export { createRandom, type Random } from "../../random.ts";
export { renderMessage } from "./render.ts";
export { isReadable } from "./web-methods.ts";
export * from "./workspace.ts";

/** The chance that a request meets each of these. */
export interface Faults {
  /** A page of HTML with status 503. */
  unavailable: number;
  /** Status 429, to be tried again in a second. */
  limited: number;
  /** No answer. */
  cut: number;
  /** Half an answer. */
  cutBody: number;
  /** `internal_error` with status 200. */
  internal: number;
  /** The cursor of a page is no longer known. */
  lostCursor: number;
}

export interface Token {
  kind: "bot" | "user" | "organisation" | "app";
  scopes: string[];
  user: string;
}

export interface SlackServer {
  url: string;
  world: World;
  faults: Partial<Faults>;
  tokens: Map<string, Token>;
  /** The most items on a page. */
  pageSize: () => number;
  /** Runs before each answer: people go on working while they are read. */
  beforeAnswer: () => void;
  /** Whether Slack's limits hold. */
  limits: boolean;
  /** What was asked: method, in its order. */
  requests: string[];
  /** How many requests were refused because there were too many. */
  refused: number;
  /** What is told over Socket Mode. */
  sockets: Sockets;
  close(): Promise<void>;
}

export const ALL_SCOPES = [
  "channels:history", "groups:history", "im:history", "mpim:history", "channels:read", "groups:read", "im:read", "mpim:read",
  "users:read", "users:read.email", "files:read", "reactions:read", "team:read",
]; // prettier-ignore

interface State extends SlackServer {
  /** Method → when it was asked, in milliseconds of the machine. */
  asked: Map<string, number[]>;
}

/** A pretended Slack on this machine: as strict as the real one, and as unreliable as is asked for. */
export async function startSlack(world: World): Promise<SlackServer> {
  const state: State = {
    url: "",
    world,
    faults: {},
    tokens: new Map(),
    pageSize: () => 1000,
    beforeAnswer() {},
    limits: false,
    requests: [],
    refused: 0,
    asked: new Map(),
    sockets: serveSockets(),
    async close() {
      state.sockets.cut();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    respond(state, request, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    );
  });
  server.on("upgrade", (request, socket) => state.sockets.upgrade(request, socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  state.url = `http://127.0.0.1:${address.port}`;
  world.filesUrl = state.url;
  return state;
}

async function respond(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", state.url);
  const { world, faults } = state;
  response.setHeader("Date", new Date(world.now).toUTCString());
  const body = await text(request);
  if (world.random.chance(faults.cut ?? 0)) return void response.destroy();
  if (world.random.chance(faults.unavailable ?? 0))
    return void response.writeHead(503, { "content-type": "text/html" }).end("<html>Busy</html>");
  if (pathname.startsWith("/files-pri/")) return serveFile(state, request, pathname, response);
  const method = /^\/api\/([\w.]+)$/.exec(pathname)?.[1];
  if (method === undefined) return void response.writeHead(404).end();
  state.requests.push(method);
  const isLimited = world.random.chance(faults.limited ?? 0) || (state.limits && isTooMuch(state, method));
  if (isLimited) {
    state.refused += 1;
    return void response.writeHead(429, { "retry-after": "1" }).end();
  }
  send(state, response, answer(state, request, method, body));
}

function answer(state: State, request: IncomingMessage, method: string, body: string): JsonObject {
  const { world, faults } = state;
  try {
    if (world.random.chance(faults.internal ?? 0)) throw new Refusal("internal_error");
    const rule = METHODS[method];
    if (!rule) throw new Refusal("unknown_method", { req_method: method });
    if (request.method !== "POST" || !request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
      throw new Refusal("invalid_form_data");
    const token = tokenOf(state, request);
    if (!rule.tokens.includes(token.kind)) throw new Refusal("not_allowed_token_type");
    const needed = rule.scopes?.find((scope) => !token.scopes.includes(scope));
    if (needed !== undefined) throw new Refusal("missing_scope", { needed, provided: token.scopes.join(",") });
    const form = new URLSearchParams(body);
    checkParameters(rule, form);
    if (form.has("cursor") && world.random.chance(faults.lostCursor ?? 0) && method === "conversations.history")
      throw new Refusal("invalid_cursor");
    state.beforeAnswer();
    const size = Math.min(state.pageSize(), Number(form.get("limit") ?? 100));
    if (method === "apps.connections.open") return { ok: true, url: state.sockets.ticket(state.url) };
    const question = { world, form, size, filesUrl: state.url, user: token.user, isBot: token.kind === "bot" };
    const found = (DISCOVERY[method] ?? WEB[method])?.(question);
    if (!found) throw new Refusal("unknown_method", { req_method: method });
    return { ok: true, ...found };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.code, ...error.more };
    throw error;
  }
}

function tokenOf({ tokens }: State, { headers }: IncomingMessage): Token {
  const text = headers.authorization?.replace(/^Bearer /, "");
  if (text === undefined) throw new Refusal("not_authed");
  const token = tokens.get(text);
  if (!token) throw new Refusal("invalid_auth");
  return token;
}

/** Slack counts each method by itself, and an organisation's requests in a second all together. */
function isTooMuch({ asked }: State, method: string): boolean {
  const now = performance.now();
  const rule = METHODS[method];
  const mine = (asked.get(method) ?? []).filter((at) => at > now - 60_000);
  const all = (asked.get("*") ?? []).filter((at) => at > now - 1000);
  const isDiscovery = method.startsWith("discovery.");
  const tooMuch = mine.length >= (rule?.perMinute ?? 50) || (isDiscovery && all.length >= 30);
  if (!tooMuch) {
    mine.push(now);
    all.push(now);
  }
  asked.set(method, mine);
  asked.set("*", all);
  return tooMuch;
}

/** Without a token Slack shows a page to sign in, with status 200. */
function serveFile(state: State, request: IncomingMessage, pathname: string, response: ServerResponse): void {
  const token = state.tokens.get(request.headers.authorization?.replace(/^Bearer /, "") ?? "");
  const id = /^\/files-pri\/\w+-(\w+)\//.exec(pathname)?.[1];
  const found = [...state.world.channels.values()]
    .flatMap(({ messages }) => [...messages.values()].flatMap(({ files }) => files))
    .find((file) => file.id === id && !file.isDeleted && file.absence === undefined);
  const isAllowed = token !== undefined && (token.kind === "organisation" || token.scopes.includes("files:read"));
  if (!isAllowed) return void response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>");
  if (!found) return void response.writeHead(404).end();
  response.writeHead(200, { "content-type": "text/plain", "content-length": found.bytes.length }).end(found.bytes);
}

function send({ world, faults }: State, response: ServerResponse, body: JsonObject): void {
  const json = Buffer.from(JSON.stringify(body));
  response.writeHead(200, { "content-type": "application/json; charset=utf-8", "content-length": json.length });
  if (!world.random.chance(faults.cutBody ?? 0)) return void response.end(json);
  response.write(json.subarray(0, json.length / 2), () => response.destroy());
}
