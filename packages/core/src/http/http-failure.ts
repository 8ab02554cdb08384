import { type HansardError, UnexpectedResponseError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { HttpAnswer } from "./http-client.ts";

/** Where the answer hangs on an error: a function under a symbol, so that nothing that prints the error prints contents. */
const ANSWER = Symbol.for("hansard.http-answer");

/**
 * The answer that made an error of the HTTP client, its body up to 64 KB; undefined for an error that has none. A
 * connector reads the source's own error code there, or tells a file that is gone (404) from other failures.
 */
export function answerOf(error: unknown): HttpAnswer | undefined {
  if (typeof error !== "object" || error === null || !(ANSWER in error)) return undefined;
  const read = error[ANSWER];
  return typeof read === "function" ? read() : undefined;
}

/** Hangs the answer on the error, where `answerOf` finds it. */
export function withAnswer<Failure extends HansardError>(error: Failure, answer: HttpAnswer): Failure {
  return Object.defineProperty(error, ANSWER, { value: () => answer, enumerable: false });
}

/** A request that failed in a way that another try may mend. It stays within the client. */
export class Setback extends Error {
  /** What the caller gets when no try is left. */
  readonly outcome: HansardError;
  /** Whether the source may have acted on the request. */
  readonly sent: boolean;
  /** How long the source asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(outcome: HansardError, { sent, retryAfterMs }: { sent: boolean; retryAfterMs?: number | undefined }) {
    super(outcome.message);
    this.outcome = outcome;
    this.sent = sent;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Writes sentences for errors and logs, without the secrets that the request carries. */
export interface Wording {
  /** The URL without its query and fragment, at most 200 characters. */
  name(url: URL | string): string;
  /** The text with every secret replaced by `[secret]`. */
  clean(text: string): string;
}

export function createWording(secrets: Iterable<string>): Wording {
  const values = [...secrets].filter((value) => value.length >= 4);
  const spellings = [
    ...new Set(values.flatMap((value) => [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)])),
  ];
  // The longest first, so that a secret within another leaves no rest of it.
  spellings.sort((left, right) => right.length - left.length);

  function clean(text: string): string {
    return spellings.reduce((cleaned, spelling) => cleaned.replaceAll(spelling, "[secret]"), text);
  }

  function name(url: URL | string): string {
    if (!URL.canParse(url.toString())) return "The URL";
    const { protocol, host, pathname, search } = new URL(url);
    const text = clean(`${protocol}//${host}${pathname}`);
    return `${text.length > 200 ? `${text.slice(0, 199)}…` : text}${search === "" ? "" : "?…"}`;
  }

  return { name, clean };
}

/** The values of a request that no error may show. A plain string counts where the header is known to hold credentials. */
export function* secretsOf(headers: Record<string, string | Secret>): Generator<string> {
  for (const [name, value] of Object.entries(headers)) {
    const text = typeof value === "string" ? value : value.reveal();
    if (!isCredential(name, value)) continue;
    yield text;
    // "Bearer xoxb-…" must not leave the token behind when only the token is echoed.
    yield* text.split(/[\s;=]+/).filter((part) => part.length >= 8);
  }
}

/** Whether a header must not follow to another host. */
export function isCredential(name: string, value: string | Secret): boolean {
  return typeof value !== "string" || ["authorization", "cookie", "proxy-authorization"].includes(name.toLowerCase());
}

/** An answer that the connector's contract with the source does not foresee. */
export function unexpected(message: string, remedy?: string): UnexpectedResponseError {
  return new UnexpectedResponseError(message, remedy === undefined ? {} : { remedy });
}
