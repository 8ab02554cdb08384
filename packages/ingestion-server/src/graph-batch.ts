import { randomUUID } from "node:crypto";
import { z } from "zod";
import { badRequest, failureAnswer } from "./graph-error.ts";
import type { GraphRequest } from "./graph.ts";
import type { Answer } from "./server-http.ts";

const Batch = z.object({
  requests: z.array(
    z.object({
      id: z.string(),
      method: z.string(),
      url: z.string(),
      headers: z.record(z.string(), z.string()).default({}),
      body: z.unknown().optional(),
      dependsOn: z.array(z.string()).default([]),
    }),
  ),
});
type Inner = z.infer<typeof Batch>["requests"][number];

const MOST_REQUESTS = 20;
/** Outlook works on so many of a batch at once. */
const AT_ONCE = 4;

/** `POST /$batch`: each request is judged by itself, and one whose predecessor failed is not done. */
export async function answerBatch(
  batch: GraphRequest,
  answer: (request: GraphRequest) => Promise<Answer>,
): Promise<Answer> {
  const { requests } = parseBatch(batch.body);
  const results = new Map<string, Promise<Answer>>();
  let underWay = 0;
  const waiting: (() => void)[] = [];

  async function one(inner: Inner): Promise<Answer> {
    const before = await Promise.all(inner.dependsOn.map((id) => results.get(id)));
    if (before.some((result) => result === undefined || result.status >= 400)) {
      return {
        status: 424,
        json: { error: { code: "FailedDependency", message: "A request that this one depends on failed." } },
      };
    }
    if (underWay >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
    else underWay += 1;
    try {
      return await judged(innerRequest(batch, inner), answer);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else underWay -= 1;
    }
  }

  for (const inner of requests) results.set(inner.id, one(inner));
  const responses = await Promise.all(requests.map(async ({ id }) => responseOf(id, await results.get(id))));
  return { status: 200, json: { responses } };
}

function parseBatch(body: unknown): z.infer<typeof Batch> {
  const batch = Batch.safeParse(body);
  if (!batch.success) throw badRequest("BadRequest", "Invalid batch payload format.");
  const { requests } = batch.data;
  if (requests.length > MOST_REQUESTS)
    throw badRequest("MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of 20.");
  if (new Set(requests.map(({ id }) => id)).size < requests.length)
    throw badRequest("BadRequest", "Duplicate request id in the batch.");
  for (const { method, headers, body: inner } of requests) {
    if (
      inner !== undefined &&
      method !== "GET" &&
      !Object.keys(headers).some((name) => name.toLowerCase() === "content-type")
    ) {
      throw badRequest("BadRequest", "Write request id : Content-Type header is required for the request with body.");
    }
  }
  return batch.data;
}

async function judged(request: GraphRequest, answer: (request: GraphRequest) => Promise<Answer>): Promise<Answer> {
  try {
    return await answer(request);
  } catch (error) {
    return failureAnswer(error, request);
  }
}

function innerRequest(batch: GraphRequest, { method, url, headers, body }: Inner): GraphRequest {
  const { pathname, searchParams } = new URL(url.replace(/^\/?/, "/"), "http://localhost");
  return {
    ...batch,
    method,
    path: pathname.slice(1).split("/").map(decodeURIComponent),
    query: searchParams,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body,
    bodyBytes: body === undefined ? 0 : Buffer.byteLength(JSON.stringify(body)),
    requestId: randomUUID(),
  };
}

function responseOf(id: string, answer: Answer | undefined): object {
  const { status = 500, headers = {}, json } = answer ?? {};
  return {
    id,
    status,
    headers: { "Content-Type": "application/json", ...headers },
    ...(json !== undefined && { body: json }),
  };
}
