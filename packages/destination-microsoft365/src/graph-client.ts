import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dispatcher, request } from "undici";
import { BatchSize } from "./batch-size.ts";
import { classify } from "./classify.ts";
import { type Failure, GraphFailure } from "./failure.ts";
import { flat, type GraphAnswer, type GraphRequest, type Line, parsed, send, USER_AGENT } from "./graph-http.ts";
import { Lane, LaneBusy, type Lanes } from "./lanes.ts";
import { networkFailure } from "./network-failure.ts";
import { Refusals, type Witness } from "./refusals.ts";
import type { Settings } from "./settings.ts";
import type { Pass, Tokens } from "./sign-in.ts";

export type { GraphAnswer, GraphRequest };

/** The token that a request went with was refused. */
interface Refused {
  pass: Pass;
  failure: Failure;
}

const ATTEMPTS = 8;
/** After so many a mailbox that alone refuses its tokens is given up. */
const REFUSED_ATTEMPTS = 3;
const FIRST_WAIT_MS = 500;
/** The wait grows as after so many attempts at most while Graph answers others. */
const WELL_ATTEMPTS = 2;
const BATCH_SLOTS = 4;
const ONE = { requests: 1, bytes: 0, slots: 1 };
const NO_LIMIT = {
  requests: Number.POSITIVE_INFINITY,
  requestsWindowMs: 0,
  uploadBytes: Number.POSITIVE_INFINITY,
  uploadWindowMs: 0,
};

/** Talks to Graph: signed in, within each mailbox's limits, and patient with what passes. */
export class GraphClient {
  /** Of the batches to this Graph. */
  readonly batchSize = new BatchSize();
  readonly #line: Line;
  readonly #settings: Settings;
  readonly #tokens: Tokens;
  readonly #lanes: Lanes;
  /** All requests together, so that none waits for a connection with its token in hand. */
  readonly #door: Lane;
  readonly #refusals: Refusals;
  /** When Graph last gave a good answer to anybody. */
  #answeredAt = 0;

  constructor(
    base: string,
    settings: Settings,
    parts: { tokens: Tokens; lanes: Lanes; dispatcher: Dispatcher } & Witness,
  ) {
    this.#line = { base: `${base}/v1.0`, dispatcher: parts.dispatcher, timeoutMs: settings.timeoutMs };
    this.#settings = settings;
    this.#tokens = parts.tokens;
    this.#lanes = parts.lanes;
    this.#door = new Lane({ ...NO_LIMIT, concurrency: settings.connections });
    const ask = (token: string, mailbox: string) => this.#isTaken(token, mailbox);
    this.#refusals = new Refusals(parts.tokens, ask, parts);
  }

  /** The answer, where it is a good one. Rejects with a GraphFailure that says what to do. */
  async call(asked: GraphRequest, signal: AbortSignal): Promise<GraphAnswer> {
    const isRepeatable = asked.isRepeatable ?? asked.method === "GET";
    for (let attempt = 1; ; attempt += 1) {
      const askedAt = Date.now();
      const result = await this.#attempt(asked, signal);
      if ("json" in result) return result;
      if ("pass" in result) {
        await this.#refused(result, asked, attempt, signal);
        continue;
      }
      const failure = result;
      const isPassing =
        failure.kind === "throttled" || failure.kind === "retry" || (failure.kind === "unknown" && isRepeatable);
      if (!isPassing || attempt >= ATTEMPTS || signal.aborted) throw new GraphFailure(failure);
      // Where others are answered meanwhile, Graph as a whole is well, and a long wait would help nobody.
      const isWell = failure.kind !== "throttled" && this.#answeredAt >= askedAt;
      await this.#rest(asked, failure, isWell ? Math.min(attempt, WELL_ATTEMPTS) : attempt, signal);
    }
  }

  /** Resolves when it is worth another attempt. */
  async #refused({ pass, failure }: Refused, asked: GraphRequest, attempt: number, signal: AbortSignal): Promise<void> {
    const wasUnreached = this.#refusals.isUnreached(asked.mailbox);
    const verdict = await this.#refusals.judge(pass, asked.mailbox);
    const most = verdict === "of-mailbox" ? REFUSED_ATTEMPTS : ATTEMPTS;
    if (wasUnreached || verdict === "of-all" || attempt >= most || signal.aborted)
      throw new GraphFailure(this.#refusals.final(failure, verdict, asked.mailbox));
    if (verdict === "of-mailbox") await this.#rest(asked, failure, Math.min(attempt, WELL_ATTEMPTS), signal);
  }

  /** The body as it comes, for what is too large to be held. */
  async stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const headers = { authorization: `Bearer ${await this.#tokens.get()}`, "user-agent": USER_AGENT };
    const answer = await request(`${this.#line.base}${path}`, {
      method: "GET",
      headers,
      dispatcher: this.#line.dispatcher,
      signal,
    });
    if (answer.statusCode === 200) return answer.body;
    const text = await answer.body.text();
    throw new GraphFailure(
      classify(
        {
          status: answer.statusCode,
          headers: flat(answer.headers),
          json: parsed(text),
          requestId: "",
          clientRequestId: "",
        },
        { method: "GET", url: path },
      ),
    );
  }

  async #attempt(asked: GraphRequest, signal: AbortSignal): Promise<GraphAnswer | Failure | Refused> {
    let leave: () => void;
    try {
      leave = await this.#enter(asked, signal);
    } catch (error) {
      return waitFailure(error, asked.mailbox);
    }
    try {
      return await this.#ask(asked, signal);
    } finally {
      leave();
    }
  }

  /** Waits for the mailbox's turn and then for a connection. Gives what ends both. */
  async #enter({ mailbox, json, bytes, requests = 1 }: GraphRequest, signal: AbortSignal): Promise<() => void> {
    const load = {
      requests,
      bytes: json === undefined ? (bytes?.length ?? 0) : Buffer.byteLength(json),
      slots: Math.min(requests, BATCH_SLOTS),
    };
    const leaveLane =
      mailbox === undefined
        ? () => undefined
        : await this.#lanes.of(mailbox).enter(load, this.#settings.patienceMs, signal);
    try {
      const leaveDoor = await this.#door.enter(ONE, Number.POSITIVE_INFINITY, signal);
      return () => {
        leaveDoor();
        leaveLane();
      };
    } catch (error) {
      leaveLane();
      throw error;
    }
  }

  /** The token is the newest: whoever waited with one in hand would be refused with it when it was renewed meanwhile. */
  async #ask(asked: GraphRequest, signal: AbortSignal): Promise<GraphAnswer | Failure | Refused> {
    const { mailbox, method, path } = asked;
    const pass = path.startsWith("http") ? undefined : await this.#tokens.enter();
    const clientRequestId = randomUUID();
    try {
      const answer = await send(this.#line, asked, pass?.value, clientRequestId, signal);
      if (answer.status < 400) {
        this.#answeredAt = Date.now();
        if (mailbox !== undefined) this.#lanes.of(mailbox).succeeded();
        if (pass) this.#tokens.taken(pass);
        // What a batch holds is answered by the mailbox; the batch itself is not.
        if (mailbox !== undefined && pass && asked.requests === undefined) this.#refusals.taken(mailbox);
        return answer;
      }
      const failure = classify(answer, { method, url: path, ...(mailbox !== undefined && { mailbox }) });
      if (pass && failure.kind === "token") return { pass, failure };
      if (pass) this.#tokens.left(pass);
      return failure;
    } catch (error) {
      if (pass) this.#tokens.left(pass);
      return networkFailure(error, method, clientRequestId);
    }
  }

  /** Takes no part in the token's trial: those who wait for this answer may be all of it. */
  async #isTaken(token: string, mailbox: string): Promise<boolean | undefined> {
    const signal = AbortSignal.timeout(this.#settings.timeoutMs);
    const path = `/users/${encodeURIComponent(mailbox)}/mailFolders/inbox?$select=id`;
    const asked: GraphRequest = { method: "GET", path, mailbox };
    try {
      const leave = await this.#enter(asked, signal);
      const { status } = await send(this.#line, asked, token, randomUUID(), signal).finally(leave);
      return status === 429 || status >= 500 ? undefined : status !== 401;
    } catch {
      return undefined;
    }
  }

  /** A mailbox that asks for patience rests as a whole, by its lane; what merely got lost concerns this request alone. */
  async #rest({ mailbox }: GraphRequest, failure: Failure, attempt: number, signal: AbortSignal): Promise<void> {
    const { patienceMs } = this.#settings;
    const waitMs = failure.retryAfterMs ?? backOffMs(attempt, patienceMs);
    if (waitMs > patienceMs)
      throw new GraphFailure({
        ...failure,
        kind: failure.kind === "unknown" ? "unknown" : "retry",
        retryAfterMs: waitMs,
      });
    if (mailbox !== undefined && failure.kind === "throttled") this.#lanes.of(mailbox).throttled(waitMs);
    else await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

function backOffMs(attempt: number, mostMs: number): number {
  return Math.min(mostMs, FIRST_WAIT_MS * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

function waitFailure(error: unknown, mailbox = ""): Failure {
  const none = { status: 0, code: "", correlationId: "" };
  if (error instanceof LaneBusy) {
    return {
      kind: "retry",
      reason: `The allowance of ${mailbox} is used up: it goes on later.`,
      retryAfterMs: error.waitMs,
      ...none,
    };
  }
  return { kind: "retry", reason: "The run ended before this was sent.", ...none };
}
