import type { Outcome } from "@hansard/core/ingestion";
import { type Disposition, remedyOf } from "./response-codes.ts";

export interface FailureDetails {
  /** EWS's response code, or the HTTP status as `HTTP 503`. */
  code: string;
  remedy?: string;
  /** How long the server asks to be left alone. */
  backOffMs?: number;
  /** Whether one message of several may be to blame, so that it is to be looked for by halves. */
  isWholeRequest?: boolean;
}

/** A request that was not carried out, or of which that is not known. */
export class ExchangeFailure extends Error {
  readonly disposition: Disposition;
  readonly code: string;
  readonly remedy: string;
  readonly backOffMs: number | undefined;
  readonly isWholeRequest: boolean;

  constructor(disposition: Disposition, reason: string, details: FailureDetails, cause?: unknown) {
    super(reason, { cause });
    this.disposition = disposition;
    this.code = details.code;
    this.remedy = details.remedy ?? remedyOf(details.code);
    this.backOffMs = details.backOffMs;
    this.isWholeRequest = details.isWholeRequest ?? false;
  }
}

/** A full mailbox is asked again in an hour: somebody must make room first. */
const FULL_PAUSE_MS = 60 * 60 * 1000;

/** What a failure means for one delivery. */
export function outcomeOf({ disposition, message: reason, remedy, backOffMs }: ExchangeFailure): Outcome {
  if (disposition === "no-mailbox") return { status: "no-mailbox", reason };
  if (disposition === "unknown") return { status: "unknown", reason };
  if (disposition === "misconfigured") return { status: "misconfigured", reason, remedy };
  if (disposition === "refused" || disposition === "smaller") return { status: "refused", reason, remedy };
  if (disposition === "paused")
    return { status: "retry", reason: `${reason} ${remedy}`, retryAt: after(FULL_PAUSE_MS) };
  return { status: "retry", reason, ...(backOffMs !== undefined && { retryAt: after(backOffMs) }) };
}

function after(ms: number): Date {
  return new Date(Date.now() + ms);
}
