import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hansard/core";
import { isSignInRefused, readAnswer, type ResponseMessage } from "./answer.ts";
import { ExchangeFailure } from "./failure.ts";
import { envelope } from "./requests.ts";
import type { Settings } from "./settings.ts";
import { Throttle } from "./throttle.ts";
import type { HttpAnswer, SignedInDoor } from "./transport.ts";

export interface Call {
  /** The operation's name, for the log. */
  operation: string;
  mailbox: string;
  body: string;
  signal: AbortSignal;
  /** Whether it may reach the server twice, as what only reads may. */
  idempotent?: boolean;
}

export interface Called {
  messages: ResponseMessage[];
  /** By which the server's operators find the request. */
  correlationId: string;
}

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;
const RENEWALS = 8;
/** Of sign-ins in a row, over all requests. */
const REFUSALS = 20;
const CONCURRENCY_CODES = ["ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened"];

/** Asks the service, with all the patience that it asks for. */
export class Session {
  readonly throttle: Throttle;
  readonly #settings: Settings;
  readonly #door: SignedInDoor;
  readonly #log: Logger;
  #hasWorked = false;
  #refusals = 0;

  constructor(settings: Settings, door: SignedInDoor, log: Logger) {
    this.#settings = settings;
    this.#door = door;
    this.#log = log;
    this.throttle = new Throttle(settings);
  }

  /** Rejects with an ExchangeFailure. What is surely not done is tried again here, as long as the pauses are short. */
  async call(call: Call): Promise<Called> {
    const body = this.#envelope(call);
    const load = { charged: this.#charged(call), bytes: Buffer.byteLength(body) };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.throttle.run(load, call.signal, () => this.#once(call, body));
      } catch (error) {
        const failure = failureOf(error, call.signal);
        const mayRepeat =
          failure.disposition === "retry" || (call.idempotent === true && failure.disposition === "unknown");
        const pauseMs = this.#pauseAfter(failure, call, attempt);
        if (!mayRepeat || attempt >= ATTEMPTS || pauseMs > this.#settings.patienceMs || call.signal.aborted)
          throw failure;
        await sleep(pauseMs, undefined, { signal: call.signal }).catch(() => undefined);
      }
    }
  }

  /** How long to leave the mailbox alone after this failure. */
  #pauseAfter({ code, backOffMs, message }: ExchangeFailure, call: Call, attempt: number): number {
    const { mailbox, operation } = call;
    if (CONCURRENCY_CODES.includes(code) || /MaxConcurrency/.test(message)) this.throttle.slowDown();
    if (backOffMs !== undefined)
      this.throttle.pause(this.#charged(call), Math.min(backOffMs, this.#settings.patienceMs));
    this.#log.debug("EWS failed", { operation, mailbox, code, reason: message, attempt });
    return backOffMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
  }

  async #once({ mailbox, operation, signal }: Call, body: string): Promise<Called> {
    const requestId = randomUUID();
    const posting = { body, headers: this.#headers(mailbox, requestId), signal };
    let answer = await this.#door.post(posting);
    for (let renewals = 0; renewals < RENEWALS && isSignInRefused(answer); renewals += 1) {
      if (!(await this.#door.renew(answer))) break;
      answer = await this.#door.post(posting);
    }
    const correlation = correlationOf(answer, requestId);
    this.#log.debug("EWS answered", { operation, mailbox, status: answer.status, ...correlation.fields });
    if (isSignInRefused(answer)) {
      this.#refusals += 1;
      // What was good a moment ago is refused by overloaded servers too. Refused again and again, it is good no more.
      if (this.#hasWorked && this.#refusals < REFUSALS) {
        throw new ExchangeFailure("retry", "The server refuses a sign-in that it took before (401).", {
          code: "HTTP 401",
        });
      }
    }
    const messages = readAnswer(answer, this.#settings);
    this.#hasWorked = true;
    this.#refusals = 0;
    this.throttle.succeeded();
    return { messages, correlationId: correlation.id };
  }

  #envelope({ body, mailbox }: Call): string {
    return envelope(body, this.#isImpersonating() ? mailbox : undefined);
  }

  /** Exchange counts what is done in impersonation against the mailbox, and anything else against the account. */
  #charged({ mailbox }: Call): string {
    return this.#isImpersonating() ? mailbox : "";
  }

  #isImpersonating(): boolean {
    return this.#settings.impersonate && this.#settings.profile === "exchange";
  }

  #headers(mailbox: string, requestId: string): Record<string, string> {
    return {
      "content-type": "text/xml; charset=utf-8",
      accept: "text/xml",
      "user-agent": "Hansard",
      "x-anchormailbox": mailbox,
      "x-preferserveraffinity": "true",
      "client-request-id": requestId,
      "return-client-request-id": "true",
    };
  }
}

/** The ids of an answer: the ingestion service's own, the server's, or the one that we gave. */
function correlationOf(
  { headers }: HttpAnswer,
  clientRequestId: string,
): { id: string; fields: Record<string, string> } {
  const ingestion = headers["x-ingestioncorrelationid"];
  const server = headers["request-id"];
  const fields = {
    clientRequestId,
    ...(typeof server === "string" && { requestId: server }),
    ...(typeof ingestion === "string" && { "x-IngestionCorrelationID": ingestion }),
  };
  return { id: String(ingestion ?? server ?? clientRequestId), fields };
}

function failureOf(error: unknown, signal: AbortSignal): ExchangeFailure {
  if (error instanceof ExchangeFailure) return error;
  if (signal.aborted)
    return new ExchangeFailure("retry", "The run ended before this was sent.", { code: "aborted" }, error);
  throw error;
}
