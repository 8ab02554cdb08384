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

/** As many as Graph works on at once for one mailbox. */
const AT_ONCE = 4;
const ROUNDS = 6;

/**
 * Asks many things with few round trips; each is answered by itself, in their order. What a batch says must wait is asked
 * again, singly and with patience, and so is what was only to be read where the batch got lost. All requests of one call
 * are for one mailbox, or for none.
 */
export async function callBatch(
  client: GraphClient,
  requests: InnerRequest[],
  signal: AbortSignal,
): Promise<(GraphAnswer | GraphFailure)[]> {
  const results: (GraphAnswer | GraphFailure)[] = [];
  let next = 0;
  async function worker(): Promise<void> {
    while (next < requests.length) {
      const start = next;
      next += client.batchSize.requests;
      const answers = await oneBatch(client, requests.slice(start, next), signal);
      for (const [index, answer] of answers.entries()) results[start + index] = answer;
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function oneBatch(
  client: GraphClient,
  requests: InnerRequest[],
  signal: AbortSignal,
): Promise<(GraphAnswer | GraphFailure)[]> {
  const [only] = requests;
  if (only && requests.length === 1) return [await single(client, only, signal)];
  const answers = await sent(client, requests, signal);
  if (answers instanceof GraphFailure && !(answers.failure.kind === "unknown" && areReads(requests)))
    return requests.map(() => answers);
  return Promise.all(
    requests.map((request, index) => {
      const answer = answers instanceof GraphFailure ? undefined : answers[index];
      return answer === undefined || isPassing(answer) ? single(client, request, signal) : answer;
    }),
  );
}

/** A failure is that of the batch as a whole. */
async function sent(
  client: GraphClient,
  requests: InnerRequest[],
  signal: AbortSignal,
): Promise<(GraphAnswer | GraphFailure | undefined)[] | GraphFailure> {
  try {
    const answers = await send(client, requests, signal);
    client.batchSize.answered();
    return answers;
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error;
    if (error.failure.kind === "unknown") client.batchSize.lost();
    return error;
  }
}

function areReads(requests: InnerRequest[]): boolean {
  return requests.every(({ method }) => method === "GET");
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
  const answer = await client.call(
    {
      method: "POST",
      path: "/$batch",
      json,
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

/** A refused token too: whose refusal it is, is found out by asking singly. */
function isPassing(answer: GraphAnswer | GraphFailure): boolean {
  return answer instanceof GraphFailure && ["throttled", "retry", "token"].includes(answer.failure.kind);
}

async function single(
  client: GraphClient,
  { method, path, mailbox, headers }: InnerRequest,
  signal: AbortSignal,
): Promise<GraphAnswer | GraphFailure> {
  for (let round = 1; ; round += 1) {
    try {
      const answer = await client.call(
        { method, path, ...(mailbox !== undefined && { mailbox }), ...(headers !== undefined && { headers }) },
        signal,
      );
      client.batchSize.answered();
      return answer;
    } catch (error) {
      if (!(error instanceof GraphFailure)) throw error;
      if (error.failure.kind !== "throttled" || round >= ROUNDS) return error;
    }
  }
}
