import { randomUUID } from "node:crypto";
import { answerBatch } from "./graph-batch.ts";
import { failureAnswer, GraphError, invalidToken } from "./graph-error.ts";
import { answerGraph } from "./graph-router.ts";
import { UploadSessions } from "./graph-upload.ts";
import { type Answer, BodyTooLarge, header, NoAnswer, readBody } from "./server-http.ts";
import type { Exchange, Protocol, ServerContext } from "./server.ts";
import type { Caller } from "./server-token.ts";

/** One request, by itself or out of a batch. */
export interface GraphRequest {
  method: string;
  /** After the version: `["users", "bob@contoso.example", "messages"]`. */
  path: string[];
  query: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: unknown;
  bodyBytes: number;
  caller: Caller;
  requestId: string;
  clientRequestId: string;
}

const BODY_BYTES = 4 * 1024 * 1024;

/** The parts of Microsoft Graph that archiving and ordinary mail clients use. */
export function graphProtocol(context: ServerContext): Protocol {
  const uploads = new UploadSessions(context);
  return {
    answer(exchange) {
      const [, version, ...path] = exchange.url.pathname.split("/").map(decoded);
      if (version === "upload") return answerUpload(uploads, exchange, path[0] ?? "");
      if (version !== "v1.0" && version !== "beta") return undefined;
      return answerRequest(context, uploads, exchange, path);
    },
    close: () => uploads.close(),
  };
}

async function answerRequest(
  context: ServerContext,
  uploads: UploadSessions,
  { request, url, requestId }: Exchange,
  path: string[],
): Promise<Answer> {
  const clientRequestId = header(request, "client-request-id") ?? randomUUID();
  const ids = { requestId, clientRequestId };
  const headers = {
    "request-id": requestId,
    "client-request-id": clientRequestId,
    "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0"}}',
  };
  const body = await readBody(request, BODY_BYTES).catch((error: unknown) => error);
  const caller = context.tokens.caller(header(request, "authorization"));
  if (caller === undefined) {
    const message =
      header(request, "authorization") === undefined
        ? "Access token is empty."
        : "Access token has expired or is not yet valid.";
    return withHeaders(invalidToken(message), headers);
  }
  if (
    context.faults.strike("token-expired", { isWrite: request.method !== "GET" }) &&
    context.tokens.expire(caller.token)
  ) {
    return withHeaders(invalidToken("Access token has expired or is not yet valid."), headers);
  }
  try {
    if (body instanceof BodyTooLarge)
      throw new GraphError(413, "RequestEntityTooLarge", "The request is larger than 4 MB.");
    if (!(body instanceof Buffer)) throw new NoAnswer("reset");
    const asked: GraphRequest = {
      method: request.method ?? "GET",
      path,
      query: url.searchParams,
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
      ),
      body: parsed(body, header(request, "content-type")),
      bodyBytes: body.length,
      caller,
      ...ids,
    };
    const answer =
      path[0] === "$batch"
        ? await answerBatch(asked, (inner) => answerGraph(context, uploads, inner))
        : await answerGraph(context, uploads, asked);
    return withHeaders(answer, headers);
  } catch (error) {
    return withHeaders(failureAnswer(error, ids), headers);
  }
}

async function answerUpload(uploads: UploadSessions, exchange: Exchange, id: string): Promise<Answer> {
  const ids = { requestId: exchange.requestId, clientRequestId: randomUUID() };
  try {
    return await uploads.answer(exchange.request, id);
  } catch (error) {
    return failureAnswer(error, ids);
  }
}

function parsed(body: Buffer, type = ""): unknown {
  if (body.length === 0) return undefined;
  if (!type.includes("json")) return body;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new GraphError(
      400,
      "BadRequest",
      "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
    );
  }
}

function withHeaders(answer: Answer, headers: Record<string, string>): Answer {
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
