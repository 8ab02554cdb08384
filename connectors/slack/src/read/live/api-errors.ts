import {
  AuthenticationError,
  isHansardError,
  RateLimitedError,
  UnavailableError,
  UnexpectedResponseError,
} from "@hansard/core";
import { z } from "zod";

/** A refusal by Slack that names its reason, such as `thread_not_found`. */
export class SlackRefusalError extends UnexpectedResponseError {
  readonly reason: string;

  constructor(method: string, reason: string) {
    super(`Slack refused ${method}: ${reason}.`, {
      remedy: "If the reason names a conversation or message, it may be gone by now; otherwise report it as a defect.",
    });
    this.reason = reason;
  }
}

/** Whether Slack refused for one of these reasons. */
export function isRefusal(error: unknown, ...reasons: string[]): boolean {
  return error instanceof SlackRefusalError && reasons.includes(error.reason);
}

const UNSIGNED = new Set([
  "not_authed",
  "invalid_auth",
  "account_inactive",
  "token_revoked",
  "token_expired",
  "missing_scope",
  "no_permission",
  "not_allowed_token_type",
  "access_denied",
  "org_login_required",
  "team_access_not_granted",
  "two_factor_setup_required",
  "enterprise_is_restricted",
  "not_allowed",
]);
const PASSING = new Set([
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
  "accesslimited",
]);
const PAUSE_MS = 60_000;

const Refusal = z.object({
  data: z.object({
    error: z.string().regex(/^\w{1,80}$/),
    needed: z.string().optional(),
    provided: z.string().optional(),
  }),
});
const Limited = z.object({ code: z.literal("slack_webapi_rate_limited_error"), retryAfter: z.number() });
const HttpStatus = z.object({ code: z.literal("slack_webapi_http_error"), statusCode: z.number() });

/** What Hansard does about an error of Slack's client. The original is not kept: it may hold the request. */
export function toHansardError(error: unknown, method: string): Error {
  const original = typeof error === "object" && error !== null && "original" in error ? error.original : error;
  if (isHansardError(original)) return original;
  const refusal = Refusal.safeParse(original).data?.data;
  if (refusal) return fromReason(refusal, method);
  const limited = Limited.safeParse(original).data;
  if (limited) return rateLimited(method, limited.retryAfter * 1000);
  const status = HttpStatus.safeParse(original).data?.statusCode ?? 0;
  if (status >= 500) return new UnavailableError(`Slack answered ${method} with status ${status}.`);
  if (original instanceof SyntaxError) return new UnavailableError(`Slack's answer to ${method} is no JSON.`);
  if (original instanceof Error && original.name === "AbortError") return original;
  return new UnavailableError(
    `Slack could not be asked for ${method}: ${original instanceof Error ? original.message : "the request failed"}.`,
  );
}

function fromReason({ error, needed, provided }: z.infer<typeof Refusal>["data"], method: string): Error {
  if (UNSIGNED.has(error)) {
    const scopes = needed === undefined ? "" : ` It needs the scope ${needed}; the token has ${provided || "none"}.`;
    return new AuthenticationError(`Slack refused ${method}: ${error}.${scopes}`, {
      remedy: "Grant what the connector's README lists, install the app again, and set its new token.",
    });
  }
  if (error === "ratelimited" || error === "rate_limited") return rateLimited(method, PAUSE_MS);
  if (PASSING.has(error)) return new UnavailableError(`Slack answered ${method} with ${error}.`);
  return new SlackRefusalError(method, error);
}

function rateLimited(method: string, waitMs: number): RateLimitedError {
  return new RateLimitedError(`Slack asks for patience with ${method}.`, { retryAt: new Date(Date.now() + waitMs) });
}
