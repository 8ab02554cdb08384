import { randomUUID } from "node:crypto";
import { z } from "zod";
import { GraphFailure } from "./failure.ts";
import { classify } from "./classify.ts";
import type { GraphAnswer, GraphClient } from "./graph-client.ts";

/** A request within a batch. */
export interface InnerRequest {
  method: "GET" | "POST";
  path: string;
  mailbox?: string;
  headers?: Record<string, string>;
}

const Responses = z.object({
  responses: z.array(
    z.object({
      id: z.string(),
      status: z.number(),
      headers: z.record(z.string(), z.string()).nullish(),
      body: z.unknown().optional(),
    }),
  ),
});

const BATCH_REQUESTS = 20;
const ROUNDS = 6;

/**
 * Asks many things with few round trips; each is answered by itself, in their order. What a batch says must wait is asked
 * again, singly and with patience. All requests of one call are for one mailbox, or for none.
 */
export async function callBatch(
  client: GraphClient,
  requests: InnerRequest[],
  signal: AbortSignal,
): Promise<(GraphAnswer | GraphFailure)[]> {
  const results: (GraphAnswer | GraphFailure)[] = [];
  for (let start = 0; start < requests.length; start += BATCH_REQUESTS) {
    results.push(...(await oneBatch(client, requests.slice(start, start + BATCH_REQUESTS), signal)));
  }
  return results;
}

async function oneBatch(
  client: GraphClient,
  requests: InnerRequest[],
  signal: AbortSignal,
): Promise<(GraphAnswer | GraphFailure)[]> {
  const [only] = requests;
  if (only && requests.length === 1) return [await single(client, only, signal)];
  const answers = await send(client, requests, signal);
  return Promise.all(
    requests.map((request, index) => {
      const answer = answers[index];
      return answer === undefined || isPassing(answer) ? single(client, request, signal) : answer;
    }),
  );
}

async function send(
  client: GraphClient,
  requests: InnerRequest[],
  signal: AbortSignal,
): Promise<(GraphAnswer | GraphFailure | undefined)[]> {
  const mailbox = requests[0]?.mailbox;
  const clientRequestId = randomUUID();
  const json = JSON.stringify({
    requests: requests.map(({ method, path, headers }, id) => ({
      id: String(id),
      method,
      url: path,
      headers: { Prefer: 'IdType="ImmutableId"', "client-request-id": clientRequestId, ...headers },
    })),
  });
  const isRepeatable = requests.every(({ method }) => method === "GET");
  const answer = await client.call(
    {
      method: "POST",
      path: "/$batch",
      json,
      isRepeatable,
      requests: requests.length,
      ...(mailbox !== undefined && { mailbox }),
    },
    signal,
  );
  const { responses } = Responses.parse(answer.json);
  return requests.map((request, id) => {
    const response = responses.find((one) => one.id === String(id));
    if (response === undefined) return undefined;
    const headers = Object.fromEntries(
      Object.entries(response.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const inner: GraphAnswer = {
      status: response.status,
      headers,
      json: response.body,
      requestId: headers["request-id"] ?? answer.requestId,
      clientRequestId,
    };
    return inner.status < 400
      ? inner
      : new GraphFailure(
          classify(inner, {
            method: request.method,
            url: request.path,
            ...(request.mailbox !== undefined && { mailbox: request.mailbox }),
          }),
        );
  });
}

function isPassing(answer: GraphAnswer | GraphFailure): boolean {
  return answer instanceof GraphFailure && (answer.failure.kind === "throttled" || answer.failure.kind === "retry");
}

async function single(
  client: GraphClient,
  { method, path, mailbox, headers }: InnerRequest,
  signal: AbortSignal,
): Promise<GraphAnswer | GraphFailure> {
  for (let round = 1; ; round += 1) {
    try {
      return await client.call(
        { method, path, ...(mailbox !== undefined && { mailbox }), ...(headers !== undefined && { headers }) },
        signal,
      );
    } catch (error) {
      if (!(error instanceof GraphFailure)) throw error;
      if (error.failure.kind !== "throttled" || round >= ROUNDS) return error;
    }
  }
}
