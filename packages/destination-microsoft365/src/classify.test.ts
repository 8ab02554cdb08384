import { expect, test } from "vitest";
import { classify } from "./classify.ts";
import { outcomeOf } from "./failure.ts";

function kindOf(
  status: number,
  code: string | undefined,
  options: { method?: string; inner?: string; retryAfter?: string } = {},
): string {
  const { method = "POST", inner, retryAfter } = options;
  const json =
    code === undefined
      ? undefined
      : {
          error: {
            code,
            message: "said",
            innerError: { "request-id": "r", ...(inner !== undefined && { code: inner }) },
          },
        };
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  return classify(
    { status, headers, json, requestId: "r", clientRequestId: "c" },
    { method, url: "/users/x", mailbox: "x@contoso.example" },
  ).kind;
}

test.each([
  [404, "ErrorInvalidUser", "no-mailbox"],
  [404, "Request_ResourceNotFound", "no-mailbox"],
  [404, "MailboxNotEnabledForRESTAPI", "no-mailbox"],
  [404, "errorinvaliduser", "no-mailbox"],
  [404, "ErrorItemNotFound", "gone"],
  [401, "InvalidAuthenticationToken", "token"],
  [401, "UnknownError", "token"],
  [401, "AuthenticationError", "token"],
  [401, undefined, "token"],
  [403, "ErrorAccessDenied", "misconfigured"],
  [404, "ErrorAccessDenied", "misconfigured"],
  [403, "Authorization_RequestDenied", "misconfigured"],
  [403, undefined, "misconfigured"],
  [507, "ErrorQuotaExceeded", "full"],
  [403, "quotaLimitReached", "full"],
  [400, "ErrorPropertyValidationFailure", "refused"],
  [400, "SomethingNew", "refused"],
  [413, undefined, "refused"],
  [429, undefined, "throttled"],
  [429, "ApplicationThrottled", "throttled"],
  [503, "ErrorServerBusy", "retry"],
  [500, "ErrorMailboxMoveInProgress", "retry"],
  [503, undefined, "unknown"],
  [504, "GatewayTimeout", "unknown"],
  [500, "InternalServerError", "unknown"],
])("%i %s is %s", (status, code, kind) => {
  expect(kindOf(status, code)).toBe(kind);
});

test("the innermost code decides, and what only reads is never ambiguous", () => {
  expect(kindOf(500, "generalException", { inner: "ErrorAccessDenied" })).toBe("misconfigured");
  expect(kindOf(504, undefined, { method: "GET" })).toBe("retry");
  expect(kindOf(503, undefined, { retryAfter: "7" })).toBe("retry");
});

test("Retry-After becomes the time of the next attempt, in seconds or as a date", () => {
  const now = new Date();
  const failure = classify(
    { status: 429, headers: { "retry-after": "120" }, json: undefined, requestId: "r", clientRequestId: "c" },
    { method: "POST", url: "/" },
  );
  expect(outcomeOf(failure, now)).toMatchObject({ status: "retry", retryAt: new Date(now.getTime() + 120_000) });
  const dated = classify(
    {
      status: 429,
      headers: { "retry-after": new Date(now.getTime() + 60_000).toUTCString() },
      json: undefined,
      requestId: "r",
      clientRequestId: "c",
    },
    { method: "POST", url: "/" },
  );
  expect(dated.retryAfterMs).toBeGreaterThan(55_000);
});
