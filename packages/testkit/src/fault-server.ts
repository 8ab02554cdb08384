import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { Json } from "@hansard/core";

/** What the server does with a request instead of answering it as the source would. */
export type Fault =
  | { kind: "answer"; status: number; headers?: Record<string, string>; body?: string }
  /** The status, with all that the request held given back in the body. */
  | { kind: "echo"; status: number }
  /** The connection breaks in the middle of the body. */
  | { kind: "cut" }
  /** The body ends in its middle as if it were whole. */
  | { kind: "half" }
  /** A log-in page with status 200. */
  | { kind: "page" }
  /** No answer ever comes. */
  | { kind: "silence" }
  | { kind: "change"; change: (body: Json) => Json };

export interface SeenRequest {
  /** From 1 on. */
  number: number;
  method: string;
  path: string;
  /** Milliseconds of the machine's clock. */
  at: number;
}

/** Stands between the connector and the source. */
export interface FaultServer {
  url: string;
  seen: SeenRequest[];
  /** Decides about each request. Absent: all are answered as the source answers. */
  fault: ((request: SeenRequest) => Fault | undefined) | undefined;
  close(): Promise<void>;
}

export type Upstream = (request: Request) => Response | Promise<Response>;

const LOG_IN_PAGE =
  "<!doctype html><html><head><title>Sign in</title></head><body><form>Sign in to go on</form></body></html>";
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "content-length", "host", "expect", "upgrade"];

/** Starts a server on a free port of the machine that answers with what `upstream` answers, and with faults. */
export async function startFaultServer(upstream: (own: string) => Upstream): Promise<FaultServer> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(`The conformance suite's source failed: ${message}`);
    });
  });
  const state: FaultServer = { url: await listening(server), seen: [], fault: undefined, close };
  const answer = upstream(state.url);

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const seen = {
      number: state.seen.length + 1,
      method: incoming.method ?? "GET",
      path: incoming.url ?? "/",
      at: Date.now(),
    };
    state.seen.push(seen);
    const fault = state.fault?.(seen);
    if (!fault) return await send(response, await answer(toRequest(state.url, incoming, body)));
    await misbehave(response, fault, {
      incoming,
      body,
      answer: async () => answer(toRequest(state.url, incoming, body)),
    });
  }

  async function close(): Promise<void> {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  return state;
}

interface Exchange {
  incoming: IncomingMessage;
  body: Buffer;
  answer: () => Promise<Response>;
}

async function misbehave(response: ServerResponse, fault: Fault, { incoming, body, answer }: Exchange): Promise<void> {
  if (fault.kind === "silence") return;
  if (fault.kind === "answer") {
    response
      .writeHead(fault.status, { "content-type": "application/json", ...fault.headers })
      .end(fault.body ?? '{"error":"conformance"}');
  } else if (fault.kind === "echo") {
    const said = {
      error: "conformance",
      request: { url: incoming.url, headers: incoming.headers, body: body.toString() },
    };
    response.writeHead(fault.status, { "content-type": "application/json" }).end(JSON.stringify(said));
  } else if (fault.kind === "page") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(LOG_IN_PAGE);
  } else if (fault.kind === "change") {
    await send(response, await changed(await answer(), fault.change));
  } else {
    // A request that may change something at the source is not passed on: half an answer would leave the two at odds.
    const whole =
      incoming.method === "GET"
        ? Buffer.from(await (await answer()).arrayBuffer())
        : Buffer.from('{"status":"accepted"}');
    const half = whole.subarray(0, Math.floor(whole.length / 2));
    if (fault.kind === "half") response.writeHead(200, { "content-type": "application/json" }).end(half);
    else
      response
        .writeHead(200, { "content-type": "application/json", "content-length": whole.length + 1 })
        .write(half, () => response.destroy());
  }
}

async function changed(answer: Response, change: (body: Json) => Json): Promise<Response> {
  const text = await answer.clone().text();
  try {
    return new Response(JSON.stringify(change(JSON.parse(text))), { status: answer.status, headers: answer.headers });
  } catch {
    return answer;
  }
}

async function send(response: ServerResponse, answer: Response): Promise<void> {
  const kept = [...answer.headers].filter(([name]) => !HOP_BY_HOP.includes(name));
  const body = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, [...kept, ["content-length", String(body.length)]].flat());
  response.end(body);
}

function toRequest(own: string, { method = "GET", url = "/", headers }: IncomingMessage, body: Buffer): Request {
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || HOP_BY_HOP.includes(name) ? [] : [[name, String(value)] satisfies [string, string]],
  );
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(new URL(url, own), { method, headers: kept, ...(hasBody && { body: new Uint8Array(body) }) });
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}
