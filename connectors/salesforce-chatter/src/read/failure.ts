import {
  AuthenticationError,
  isHansardError,
  RateLimitedError,
  UnavailableError,
  UnexpectedResponseError,
} from "@hansard/core";

const HOUR_MS = 3_600_000;

const REFUSED = new Set([
  "INVALID_SESSION_ID",
  "ERROR_HTTP_401",
  "ERROR_HTTP_403",
  "API_DISABLED_FOR_ORG",
  "API_CURRENTLY_DISABLED",
  "INSUFFICIENT_ACCESS",
  "INSUFFICIENT_ACCESS_OR_READONLY",
  "CLIENT_NOT_ACCESSIBLE_FOR_USER",
  "FUNCTIONALITY_NOT_ENABLED",
  "invalid_grant",
  "invalid_client",
  "invalid_client_id",
  "invalid_app_access",
  "inactive_user",
  "inactive_org",
  "unsupported_grant_type",
]);
const PASSING = new Set([
  "SERVER_UNAVAILABLE",
  "QUERY_TIMEOUT",
  "UNABLE_TO_LOCK_ROW",
  "UNKNOWN_EXCEPTION",
  // A query's remaining pages are forgotten after a while; reading resumes from the checkpoint with a new query.
  "INVALID_QUERY_LOCATOR",
  "server_error",
  "temporarily_unavailable",
]);

/** Turns what jsforce throws into the error that tells the runner what to do. */
export function toHansardError(error: unknown, task: string): Error {
  if (isHansardError(error)) return error;
  const code = codeOf(error);
  const message =
    `Salesforce refused ${task}: ${code}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 1000);
  if (code === "REQUEST_LIMIT_EXCEEDED") return limited(message, error);
  if (code === "ERROR_HTTP_429" || code === "ERROR_HTTP_420") {
    return new RateLimitedError(message, { retryAt: new Date(Date.now() + 60_000), cause: error });
  }
  if (REFUSED.has(code)) {
    return new AuthenticationError(message, {
      remedy:
        "Check the connected app, the integration user and its permissions as the connector's README lists them, then sign in anew.",
      cause: error,
    });
  }
  if (PASSING.has(code) || code.startsWith("ERROR_HTTP_5")) return new UnavailableError(message, { cause: error });
  return new UnexpectedResponseError(message, {
    remedy:
      "If the message names a field or object, check the integration user's permissions; otherwise report it as a defect.",
    cause: error,
  });
}

/** The code that Salesforce gives an error, such as `INVALID_SESSION_ID` or `invalid_grant`. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  if ("errorCode" in error && typeof error.errorCode === "string") return error.errorCode;
  return "name" in error && typeof error.name === "string" ? error.name : "";
}

/** The daily quota counts the last 24 hours, so a part of it comes back every hour; concurrent requests end within minutes. */
export function nextFullHour(): Date {
  return new Date(Math.ceil((Date.now() + 1) / HOUR_MS) * HOUR_MS);
}

function limited(message: string, cause: unknown): RateLimitedError {
  const concurrent = /concurrent/i.test(message);
  return new RateLimitedError(message, {
    retryAt: concurrent ? new Date(Date.now() + 60_000) : nextFullHour(),
    remedy: concurrent
      ? "Nothing to do: reading resumes by itself."
      : "Lower the API use of other integrations or buy more API requests.",
    cause,
  });
}
