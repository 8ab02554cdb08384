import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { Organization } from "./organization.ts";
import { answerQuery, type Cursors } from "./query.ts";
import { answerToken, type ConnectedApp } from "./sign-in.ts";
import { SalesforceError } from "./soql.ts";

export interface ServerOptions {
  organization: Organization;
  app: ConnectedApp;
  /** Runs before each answer of the API: time passes and people go on working while they are read. */
  beforeAnswer?: () => void;
  faults?: Partial<Faults>;
  /** The most records on one page; Salesforce's is 2,000. */
  pageSize?: () => number;
  /** How many requests the organization may make in a day. */
  dailyLimit?: number;
  /** How many requests an access token lasts. */
  tokenRequests?: () => number;
  /** The address told at sign-in, where it is not the server's own. */
  instanceUrl?: string;
  /** Answers a request in the organization's place where it returns true. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** The chance that a request meets each of these. */
export interface Faults {
  /** A page of HTML with status 503. */
  unavailable: number;
  /** No answer. */
  cut: number;
  /** Half an answer. */
  cutBody: number;
  /** Too many long requests at once. */
  busy: number;
  /** The rest of a query is forgotten. */
  lostCursor: number;
  /** A log-in page in place of a file. */
  logInPage: number;
}

export interface ServerState {
  options: ServerOptions;
  url: string;
  /** Every request to the API: method, path and query. */
  requests: string[];
  usage: { used: number };
  faults: Partial<Faults>;
  /** Access token → how many requests it lasts. */
  tokens: Map<string, number>;
  cursors: Cursors;
}

export async function handle(state: ServerState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", state.url);
  response.setHeader("Date", state.options.organization.now().toUTCString());
  if (state.options.intercept?.(request, response)) return;
  if (url.pathname === "/services/oauth2/token") return await signIn(state, request, response);
  state.requests.push(`${request.method} ${url.pathname} ${url.searchParams.get("q") ?? ""}`);
  if (meetsFault(state, response)) return;
  try {
    authorize(state, request);
    spend(state, response);
    state.options.beforeAnswer?.();
    answer(state, url, response);
  } catch (error) {
    if (!(error instanceof SalesforceError)) throw error;
    send(state, response, error.status, [{ message: error.message, errorCode: error.errorCode }]);
  }
}

async function signIn(state: ServerState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  if (request.method !== "POST" || !isForm)
    return send(state, response, 400, { error: "invalid_request", error_description: "a form is needed" });
  const form = new URLSearchParams(await text(request));
  const { status, body } = answerToken(
    state.options.app,
    form,
    () => issue(state),
    state.options.instanceUrl ?? state.url,
  );
  send(state, response, status, body);
}

function issue({ tokens, options }: ServerState): string {
  const token = `00D!${randomUUID()}`;
  tokens.set(token, options.tokenRequests?.() ?? Number.POSITIVE_INFINITY);
  return token;
}

function authorize({ tokens }: ServerState, { headers }: IncomingMessage): void {
  const token = headers.authorization?.replace(/^Bearer /, "") ?? "";
  const left = tokens.get(token) ?? 0;
  tokens.set(token, left - 1);
  if (left <= 0) throw new SalesforceError(401, "INVALID_SESSION_ID", "Session expired or invalid");
}

function spend({ options, usage, faults }: ServerState, response: ServerResponse): void {
  const limit = options.dailyLimit ?? 100_000;
  if (usage.used >= limit) throw new SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
  usage.used += 1;
  response.setHeader("Sforce-Limit-Info", `api-usage=${usage.used}/${limit}`);
  if (options.organization.random.chance(faults.busy ?? 0))
    throw new SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.");
}

function meetsFault({ options, faults }: ServerState, response: ServerResponse): boolean {
  const { random } = options.organization;
  if (random.chance(faults.cut ?? 0)) {
    response.destroy();
    return true;
  }
  if (!random.chance(faults.unavailable ?? 0)) return false;
  response.writeHead(503, { "content-type": "text/html" }).end("<html>Service Unavailable</html>");
  return true;
}

function answer(state: ServerState, url: URL, response: ServerResponse): void {
  const { organization, pageSize = () => 2000 } = state.options;
  if (url.pathname === "/services/data")
    return send(state, response, 200, [{ version: "62.0", url: "/services/data/v62.0" }]);
  const [, version, path = ""] = /^\/services\/data\/v(\d\d\.0)\/(.+)$/.exec(url.pathname) ?? [];
  if (!version || Number(version) < 41) throw notFound();
  if (/^query(All)?(\/|$)/.test(path)) {
    const query = { organization, cursors: state.cursors, pageSize, lostCursor: state.faults.lostCursor ?? 0, version };
    return send(state, response, 200, answerQuery(query, path, url));
  }
  const [, object = "", rest = ""] = /^sobjects\/(\w+)\/(.+)$/.exec(path) ?? [];
  const rule = organization.rules[object];
  if (!rule) throw notFound();
  if (rest === "describe") return send(state, response, 200, { name: object, fields: rule.fields });
  if (/^deleted\/?$/.test(rest)) return send(state, response, 200, deleted(organization, object, url));
  const [, id] = /^(\w+)\/VersionData$/.exec(rest) ?? [];
  if (object === "ContentVersion" && id) return sendFile(state, response, id);
  throw notFound();
}

function deleted(organization: Organization, object: string, url: URL): unknown {
  const [start, end] = ["start", "end"].map((name) => new Date(url.searchParams.get(name) ?? ""));
  if (!start || !end || Number.isNaN(start.getTime()) || Number.isNaN(end.getTime()))
    throw new SalesforceError(400, "INVALID_FIELD", "start and end must be dates");
  return {
    deletedRecords: organization.deletedBetween(object, start, end),
    earliestDateAvailable: organization.time(new Date(0)),
    latestDateCovered: organization.time(new Date(Math.floor(end.getTime() / 60_000) * 60_000)),
  };
}

function sendFile({ options, faults }: ServerState, response: ServerResponse, id: string): void {
  const { organization } = options;
  const content = organization.contents.get(id);
  if (!content || content.availableAt > organization.now().getTime()) throw notFound();
  if (organization.random.chance(faults.logInPage ?? 0)) {
    response.writeHead(200, { "content-type": "text/html" }).end("<html>Log in</html>");
    return;
  }
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": content.bytes.length });
  finish(response, content.bytes, organization.random.chance(faults.cutBody ?? 0));
}

function send({ options, faults }: ServerState, response: ServerResponse, status: number, body: unknown): void {
  const json = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json;charset=UTF-8", "content-length": json.length });
  finish(response, json, status === 200 && options.organization.random.chance(faults.cutBody ?? 0));
}

function finish(response: ServerResponse, content: Uint8Array, isCut: boolean): void {
  if (isCut && content.length > 10) response.write(content.subarray(0, content.length / 2), () => response.destroy());
  else response.end(content);
}

function notFound(): SalesforceError {
  return new SalesforceError(404, "NOT_FOUND", "The requested resource does not exist");
}
