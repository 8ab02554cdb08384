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
    | "token";
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

const FULL_RETRY_MS = 60 * 60 * 1000;

/** What a failure means for a delivery. */
export function outcomeOf(
  { kind, reason, remedy, retryAfterMs }: Failure,
  now = new Date(),
): Exclude<Outcome, { status: "accepted" }> {
  if (kind === "no-mailbox" || kind === "unknown") return { status: kind, reason };
  if (kind === "misconfigured" || kind === "token")
    return { status: "misconfigured", reason, remedy: remedy ?? "Look at the application's permissions." };
  if (kind === "refused") return { status: "refused", reason, ...(remedy !== undefined && { remedy }) };
  const waitMs = kind === "full" || kind === "folder-full" ? FULL_RETRY_MS : retryAfterMs;
  return { status: "retry", reason, ...(waitMs !== undefined && { retryAt: new Date(now.getTime() + waitMs) }) };
}
