import { setTimeout as sleep } from "node:timers/promises";
import { attempt } from "./attempt.ts";
import type { Connection } from "./connection.ts";
import type { HttpClientOptions } from "./create-http-client.ts";
import type { Deadline } from "./deadline.ts";
import type { Call, Response } from "./exchange.ts";
import type { HostPolicy } from "./host-policy.ts";
import type { HttpRequest } from "./http-client.ts";
import { Setback } from "./http-failure.ts";
import { backoff } from "./patience.ts";
import { createRateLimiter } from "./rate-limiter.ts";

type Take<Taken> = (response: Response, deadline: Deadline, call: Call) => Promise<Taken>;
type Send = <Taken>(call: Call, request: HttpRequest, take: Take<Taken>) => Promise<Taken>;

/** Sends calls: through their bucket, and again where that may help and does no harm. */
export function createSender(options: HttpClientOptions, connection: Connection, hosts: HostPolicy): Send {
  const { signal, log, limiter = createRateLimiter(), maxRetries = 4, maxWaitMs = 60_000 } = options;
  const { backoffMs = 500, random = Math.random, now = Date.now } = options;

  const send: Send = async (call, request, take) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await sendOnce(call, request, take);
      } catch (error) {
        if (!(error instanceof Setback)) throw error;
        if (request.bucket && error.retryAfterMs !== undefined) limiter.pause(request.bucket, error.retryAfterMs);
        const waitMs = waitAfter(error, call, request, tries);
        if (waitMs === undefined) throw error.outcome;
        log.warn("Sending a request again", { reason: error.message, tries, waitMs: Math.round(waitMs) });
        await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  };

  async function sendOnce<Taken>(
    call: Call,
    { bucket, timeoutMs = 30_000 }: HttpRequest,
    take: Take<Taken>,
  ): Promise<Taken> {
    signal.throwIfAborted();
    const release = bucket && (await limiter.take(bucket, signal));
    const startedAt = performance.now();
    try {
      return await attempt(call, { connection, hosts, signal, timeoutMs, now }, (response, deadline) => {
        log.debug("A request was answered", {
          method: call.method,
          url: call.wording.name(call.url),
          status: response.status,
          durationMs: Math.round(performance.now() - startedAt),
        });
        return take(response, deadline, call);
      });
    } finally {
      release?.();
    }
  }

  function waitAfter(
    { sent, retryAfterMs }: Setback,
    { method }: Call,
    { idempotent }: HttpRequest,
    tries: number,
  ): number | undefined {
    if (tries > maxRetries || (sent && !(idempotent ?? method !== "POST"))) return undefined;
    const waitMs = backoff(tries, backoffMs, random);
    if (retryAfterMs === undefined) return waitMs;
    // Never before the time that the source names, and not at the very moment when everyone else comes back.
    return retryAfterMs > maxWaitMs ? undefined : retryAfterMs + waitMs / 4;
  }

  return send;
}
