import { expect, test } from "vitest";
import { readAnswer } from "./answer.ts";
import { ExchangeFailure, outcomeOf } from "./failure.ts";
import { dispositionOf, remedyOf } from "./response-codes.ts";
import { SignIn } from "./settings.ts";

const URL = "https://mail.contoso.example/EWS/Exchange.asmx";
const TOKEN = SignIn.parse({ method: "access-token", accessToken: "x" });

test.each([
  ["ErrorServerBusy", "retry"],
  ["ErrorExceededConnectionCount", "retry"],
  ["ErrorMailboxMoveInProgress", "retry"],
  ["ErrorTooManyObjectsOpened", "retry"],
  ["ErrorTimeoutExpired", "unknown"],
  ["ErrorInternalServerError", "unknown"],
  ["ErrorThatNobodyKnows", "unknown"],
  ["ErrorQuotaExceeded", "paused"],
  ["ErrorMessagePerFolderCountReceiveQuotaExceeded", "paused"],
  ["ErrorNonExistentMailbox", "no-mailbox"],
  ["ErrorMissingEmailAddress", "no-mailbox"],
  ["ErrorInvalidLicense", "no-mailbox"],
  ["ErrorArchiveMailboxNotEnabled", "no-mailbox"],
  ["ErrorAccessDenied", "misconfigured"],
  ["ErrorImpersonateUserDenied", "misconfigured"],
  ["ErrorFolderNotFound", "misconfigured"],
  ["ErrorMimeContentInvalid", "refused"],
  ["ErrorMessageSizeExceeded", "refused"],
  ["ErrorSchemaValidation", "refused"],
  ["ErrorVirusDetected", "refused"],
  ["ErrorBatchProcessingStopped", "unprocessed"],
] as const)("%s is sorted as %s", (code, disposition) => {
  expect(dispositionOf(code)).toBe(disposition);
  expect(remedyOf(code)).toMatch(/\.|:/);
});

test("access denied is never a missing mailbox, and what is not known may have been stored", () => {
  expect(
    outcomeOf(new ExchangeFailure(dispositionOf("ErrorAccessDenied"), "r", { code: "ErrorAccessDenied" })).status,
  ).toBe("misconfigured");
  expect(outcomeOf(new ExchangeFailure(dispositionOf("ErrorX"), "r", { code: "ErrorX" })).status).toBe("unknown");
});

/** The body of a busy server, with blanks around its values, as servers send it. */
const BUSY = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:ErrorServerBusy</faultcode><faultstring xml:lang="en-US">Try again later.</faultstring><detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors"> ErrorServerBusy </e:ResponseCode><t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Value Name="BackOffMilliseconds">
 297749
</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>`;

test("a busy server is left alone for as long as it asks", () => {
  expect(failureOf(500, BUSY)).toMatchObject({ disposition: "retry", code: "ErrorServerBusy", backOffMs: 297_749 });
});

test("the inner code of an internal error is the real one", () => {
  const body = answer(
    '<m:CreateItemResponseMessage ResponseClass="Error"><m:MessageText>An internal server error occurred.</m:MessageText><m:ResponseCode>ErrorInternalServerError</m:ResponseCode><m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="InnerErrorMessageText">Busy.</t:Value></m:MessageXml></m:CreateItemResponseMessage>',
  );
  const [message] = readAnswer(
    { status: 200, headers: { "content-type": "text/xml" }, body },
    { url: URL, signIn: TOKEN },
  );
  expect(message).toMatchObject({
    failure: { code: "ErrorServerBusy", disposition: "retry", message: "ErrorServerBusy: Busy." },
  });
});

test("a schema violation names its place, and one message of several may be to blame", () => {
  const body = BUSY.replaceAll("ErrorServerBusy", "ErrorSchemaValidation").replace(
    /<t:Value[^]*<\/t:Value>/,
    '<t:Value Name="LineNumber">3</t:Value><t:Value Name="LinePosition">7</t:Value><t:Value Name="Violation">The element is wrong.</t:Value>',
  );
  expect(failureOf(500, body)).toMatchObject({
    disposition: "refused",
    isWholeRequest: true,
    message: expect.stringContaining("line 3: The element is wrong."),
  });
});

const SENDER =
  "One or more messages in the Request failed to be delivered to either From or Sender email address. You will need to resend your entire Request. Error: The request failed. The remote server returned an error: (401) Unauthorized.";

test("the partner service's 401 for a sender is told apart from an expired token, as a fault or as a bare status", () => {
  const fault = BUSY.replace("Try again later.", SENDER).replaceAll("ErrorServerBusy", "Client");
  for (const failure of [failureOf(500, fault), failureOf(401, SENDER, "text/plain")]) {
    expect(failure).toMatchObject({
      disposition: "refused",
      isWholeRequest: true,
      message: expect.stringContaining("resend your entire Request"),
    });
  }
  const expired = failureOf(401, "", "", {
    "x-ms-diagnostics": '2000002;reason="expired";error_category="token_expired"',
  });
  expect(expired).toMatchObject({
    disposition: "misconfigured",
    isWholeRequest: false,
    message: expect.stringContaining("token_expired"),
  });
});

test.each([
  [403, {}, "misconfigured"],
  [404, {}, "misconfigured"],
  [302, { location: "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx" }, "retry"],
  [302, { location: "https://elsewhere.example/" }, "misconfigured"],
  [413, {}, "refused"],
  [429, {}, "retry"],
  [503, { "retry-after": "7" }, "retry"],
  // Without a word of the server itself, a gateway may have spoken behind which the request went on.
  [503, {}, "unknown"],
  [500, {}, "unknown"],
  [504, {}, "unknown"],
] as const)("HTTP %s with %j is sorted as %s", (status, headers, disposition) => {
  expect(failureOf(status, "", "", headers).disposition).toBe(disposition);
});

test("a blocked EWS is told with what to type, by the cloud that the host belongs to", () => {
  expect(failureOf(403, "", "", {}, "https://outlook.office365.com/EWS/Exchange.asmx").remedy).toContain(
    "Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs",
  );
  expect(failureOf(403, "").remedy).toContain("Set-CASMailbox");
});

test("a truncated answer is no answer", () => {
  expect(failureOf(200, answer("<m:CreateItemResponseMessage").slice(0, 400)).disposition).toBe("unknown");
});

function failureOf(status: number, body: string, type = "text/xml", headers = {}, url = URL): ExchangeFailure {
  try {
    readAnswer({ status, headers: { "content-type": type, ...headers }, body }, { url, signIn: TOKEN });
  } catch (error) {
    if (error instanceof ExchangeFailure) return error;
    throw error;
  }
  throw new Error("The answer was taken for a good one.");
}

function answer(messages: string): string {
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:CreateItemResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>${messages}</m:ResponseMessages></m:CreateItemResponse></s:Body></s:Envelope>`;
}
