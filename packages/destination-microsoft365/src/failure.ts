import { AuthenticationError, type HansardError, isHansardError, UnavailableError } from "@hansard/core";
import type { Outcome } from "@hansard/core/ingestion";

/** Why Graph did not do what it was asked, sorted by what is to be done. */
export interface Failure {
  kind:
    | "no-mailbox"
    | "misconfigured"
    /** Surely not done; it may be asked again. */
    | "retry"
    /** As `retry`, and the whole mailbox wants rest. */
    | "throttled"
    /** It may have been done. */
    | "unknown"
    /** This message will never be taken. */
    | "refused"
    /** The mailbox or its quota is full. */
    | "full"
    | "folder-full"
    /** What the path names is not there. */
    | "gone"
    | "exists"
    | "token"
    /** Graph reaches others with the same token, and this mailbox not. */
    | "unreached";
  reason: string;
  remedy?: string;
  retryAfterMs?: number;
  status: number;
  code: string;
  correlationId: string;
}

/** Thrown where a step of a delivery ends it. */
export class GraphFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

const LATER_MS = 60 * 60 * 1000;

/** What a failure means for a delivery. */
export function outcomeOf(
  { kind, reason, remedy, retryAfterMs }: Failure,
  now = new Date(),
): Exclude<Outcome, { status: "accepted" }> {
  if (kind === "no-mailbox" || kind === "unknown") return { status: kind, reason };
  if (kind === "misconfigured" || kind === "token")
    return { status: "misconfigured", reason, remedy: remedy ?? "Look at the application's permissions." };
  if (kind === "refused") return { status: "refused", reason, ...(remedy !== undefined && { remedy }) };
  if (kind === "unreached")
    return { status: "retry", reason: [reason, remedy].join(" "), retryAt: new Date(now.getTime() + LATER_MS) };
  const waitMs = kind === "full" || kind === "folder-full" ? LATER_MS : retryAfterMs;
  return { status: "retry", reason, ...(waitMs !== undefined && { retryAt: new Date(now.getTime() + waitMs) }) };
}

/** The error that says to the runner what it is to do, where nothing can be said of single deliveries. */
export function thrown(error: unknown): HansardError {
  if (isHansardError(error)) return error;
  if (!(error instanceof GraphFailure))
    return new UnavailableError(error instanceof Error ? error.message : String(error), { cause: error });
  const { kind, reason, remedy } = error.failure;
  if (kind === "misconfigured" || kind === "token")
    return new AuthenticationError(reason, {
      remedy: remedy ?? "Look at the application's permissions.",
      cause: error,
    });
  return new UnavailableError(reason, { cause: error, ...(remedy !== undefined && { remedy }) });
}
