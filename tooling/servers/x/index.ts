import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { text } from "node:stream/consumers";
import { type Jobs, findingsOf, openJob, showJob } from "./compliance.ts";
import { ENDPOINTS, unknownPath } from "./endpoints.ts";
import { type Faults, NO_FAULTS } from "./faults.ts";
import { serveFile } from "./files.ts";
import { type Counts, countRequest } from "./limits.ts";
import { type Spelling, checkParameters } from "./parameters.ts";
import { type Random, createRandom } from "../../random.ts";
import { Refusal, problem } from "./refusal.ts";
import { type SignIns, callerOf, checkCaller, consent, exchange } from "./sign-in.ts";
import { type World, createWorld } from "./world.ts";

export * from "./faults.ts";
export { createRandom, type Random } from "../../random.ts";
export * from "./world.ts";

/** A pretended X on this machine: as strict as the real one, and as unreliable as is asked for. */
export interface XServer {
  url: string;
  world: World;
  signIns: SignIns;
  faults: Faults;
  /** `both`: as now, while X renames tweets to posts; else only one of them is taken. */
  spelling: Spelling | "both";
  /** Limits of requests in a quarter of an hour, where they are to differ from X's. */
  limits: Record<string, number>;
  /** How far the server's clock is ahead of this machine's. */
  skewMs: number;
  /** What was asked, in its order: method and path. */
  requests: string[];
  /** Methods that X does not open to the app, by name. */
  closed: Set<string>;
  /** How the next exchange of a refresh token ends; used once. */
  nextExchange: "lost-answer" | "refused-connection" | 503 | undefined;
  consent(account: string, scopes?: string[]): string;
  /** A new world and new chance, at the same address. */
  reset(seed: number): void;
  close(): Promise<void>;
}

interface State extends XServer {
  random: Random;
  counts: Counts;
  jobs: Jobs;
}

const START = Date.UTC(2026, 10, 2, 9, 0, 0);
const ALL_SCOPES = ["tweet.read", "users.read", "dm.read", "like.read", "offline.access"];

export async function startXServer(seed = 1): Promise<XServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  const state = createState(`http://127.0.0.1:${address.port}`, server, seed);
  server.on("request", (request, response) => void respond(state, request, response));
  return state;
}

function createState(url: string, server: Server, seed: number): State {
  return {
    url,
    ...fresh(seed),
    consent(account, scopes = ALL_SCOPES) {
      return consent(this.signIns, account, scopes);
    },
    reset(next) {
      Object.assign(this, fresh(next));
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function fresh(seed: number): Omit<State, "url" | "consent" | "reset" | "close"> {
  return {
    world: createWorld(START),
    signIns: {
      bearerToken: "app-bearer-token",
      clientId: "client",
      clientSecret: undefined,
      oauth1: {
        appKey: "app-key",
        appSecret: "app-secret",
        accessToken: "oauth1-token",
        accessSecret: "oauth1-secret",
        account: "1",
      },
      refreshTokens: new Map(),
      accessTokens: new Map(),
    },
    faults: { ...NO_FAULTS },
    spelling: "both",
    limits: {},
    skewMs: 0,
    closed: new Set(),
    requests: [],
    nextExchange: undefined,
    random: createRandom(seed),
    counts: new Map(),
    jobs: new Map(),
  };
}

async function respond(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", state.url);
  state.requests.push(`${request.method ?? ""} ${url.pathname}`);
  response.setHeader("date", new Date(Date.now() + state.skewMs).toUTCString());
  try {
    const body = await text(request);
    if (url.pathname === "/2/oauth2/token") return exchangeToken(state, request, response, body);
    const isFile = /^\/(media|video)\//.test(url.pathname);
    if (state.faults.files || !isFile) {
      if (state.random.chance(state.faults.cut)) return cutConnection(state, response);
      if (state.random.chance(state.faults.serverError))
        throw problem(state.random.pick([500, 502, 503]), "Service Unavailable", "Service Unavailable");
    }
    const file = serveFile(state.world, state.signIns, request, url);
    if (file)
      return void response
        .writeHead(200, { "content-type": file.contentType, "content-length": file.bytes.length })
        .end(file.bytes);
    send(response, 200, answer(state, request, response, url, body));
  } catch (error) {
    const refusal =
      error instanceof Refusal
        ? error
        : new Refusal(500, { title: "Bug in the pretended X", detail: String(error), type: "about:blank" });
    send(response, refusal.status, refusal.body);
  }
}

function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: string,
): object | string {
  const { world, signIns, random, faults } = state;
  const stored = storage(state, request, url, body);
  if (stored !== undefined) return stored;
  const caller = callerOf(signIns, request, url, world.now);
  revokeByChance(state, request);
  if (url.pathname.startsWith("/2/compliance/jobs"))
    return compliance(state, request, url, body, caller.kind === "app");
  const endpoint = request.method === "GET" ? ENDPOINTS.find(({ path }) => path.test(url.pathname)) : undefined;
  if (!endpoint || state.closed.has(endpoint.name)) throw unknownPath(url.pathname);
  checkCaller(caller, endpoint.need);
  const own = state.limits[endpoint.name];
  const limit = own === undefined ? endpoint.limit : { app: own, user: own };
  countRequest(state.counts, endpoint.name, caller, limit, world.now, response, random.chance(faults.tooMany));
  const spelling = spellingOf(state, url.searchParams);
  checkParameters(url.searchParams, endpoint.parameters(spelling));
  const viewer = caller.kind === "user" ? caller.account : undefined;
  const path = endpoint.path.exec(url.pathname)?.slice(1) ?? [];
  return endpoint.answer({
    view: { world, base: state.url, spelling, query: url.searchParams, viewer },
    caller,
    path,
    faults,
    random,
  });
}

/** X may end an access token before its time, but not one that it has just given. */
function revokeByChance({ signIns, random, faults }: State, request: IncomingMessage): void {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const grant = signIns.accessTokens.get(token);
  if (!grant) return;
  if (grant.used && random.chance(faults.revokedToken)) {
    signIns.accessTokens.delete(token);
    throw problem(401, "Unauthorized", "Unauthorized");
  }
  grant.used = true;
}

function spellingOf({ spelling }: State, query: URLSearchParams): Spelling {
  if (spelling !== "both") return spelling;
  return query.has("post.fields") ? "post" : "tweet";
}

function compliance(state: State, request: IncomingMessage, url: URL, body: string, isApp: boolean): object {
  if (!isApp) throw problem(403, "Unsupported Authentication", "Only the app itself may ask this.");
  if (request.method === "POST") return openJob(state.jobs, state.url, body);
  return showJob(state.jobs, state.url, url.pathname.split("/").at(-1) ?? "");
}

/** The storage beside X, where lists of ids go and findings are fetched. */
function storage({ jobs, world }: State, request: IncomingMessage, url: URL, body: string): string | undefined {
  const [, kind, id = ""] = /^\/(upload|download)\/(\d+)$/.exec(url.pathname) ?? [];
  if (kind === undefined) return undefined;
  const job = jobs.get(id);
  if (!job || (kind === "upload") !== (request.method === "PUT")) throw unknownPath(url.pathname);
  if (request.headers.authorization !== undefined)
    throw problem(400, "Bad Request", "A sign-in was shown to a host that must not see it.");
  if (kind === "download") return findingsOf(world, job);
  job.ids = body.split("\n").filter((line) => line !== "");
  return "";
}

function exchangeToken(state: State, request: IncomingMessage, response: ServerResponse, body: string): void {
  const fault = state.nextExchange;
  state.nextExchange = undefined;
  if (fault === 503) throw problem(503, "Service Unavailable", "Service Unavailable");
  if (fault === "refused-connection") return void request.socket.destroy();
  const tokens = exchange(state.signIns, request, new URLSearchParams(body), state.world.now);
  if (fault === "lost-answer") return void request.socket.destroy();
  send(response, 200, tokens);
}

/** Before the first byte, or after some. */
function cutConnection({ random }: State, response: ServerResponse): void {
  if (random.chance(0.5)) return void response.socket?.destroy();
  response.writeHead(200, { "content-type": "application/json; charset=utf-8", "content-length": 5000 });
  response.write('{"data":[{"id":"1","te', () => response.socket?.destroy());
}

function send(response: ServerResponse, status: number, body: object | string): void {
  const type = typeof body === "string" ? "text/plain" : "application/json; charset=utf-8";
  response.writeHead(status, { "content-type": type }).end(typeof body === "string" ? body : JSON.stringify(body));
}
