import { ExchangeFailure, type FailureDetails } from "./failure.ts";
import { cloudOf } from "./cloud.ts";
import { dispositionOf } from "./response-codes.ts";
import type { Settings } from "./settings.ts";
import { diagnosticsOf, signInRefusal } from "./sign-in-refusal.ts";
import type { HttpAnswer } from "./transport.ts";
import { at, type Element, find, readXml, textAt } from "./xml.ts";

/** One `…ResponseMessage`: what became of one item of the request. */
export type ResponseMessage = { element: Element } | { failure: ExchangeFailure };

/** The article's words for a request with a message whose sender has no active mailbox. It is not about the token. */
const SENDER_FAILED = /messages in the Request failed to be delivered to either From or Sender/i;

/** Who was asked, and how the request was signed in. */
type Asked = Pick<Settings, "url" | "signIn">;

/** The response messages of an answer, in the request's order. Throws an ExchangeFailure where the whole request failed. */
export function readAnswer(answer: HttpAnswer, settings: Asked): ResponseMessage[] {
  const root = parsed(answer);
  const fault = find(root, "Fault");
  if (fault) throw faultOf(fault);
  if (answer.status !== 200 || root === undefined) throw httpFailure(answer, settings);
  const messages = find(root, "ResponseMessages");
  if (!messages) throw new ExchangeFailure("unknown", "The answer holds no response messages.", { code: "HTTP 200" });
  return messages.children.map(readMessage);
}

/** Whether it says that the token or password of the request is not good (any more). */
export function isSignInRefused({ status, body }: HttpAnswer): boolean {
  return status === 401 && !SENDER_FAILED.test(body);
}

function parsed({ body, headers }: HttpAnswer): Element | undefined {
  if (!/xml/i.test(String(headers["content-type"] ?? "")) && !body.trimStart().startsWith("<?xml")) return undefined;
  try {
    return readXml(body);
  } catch {
    return undefined;
  }
}

function readMessage(element: Element): ResponseMessage {
  if (element.attributes["ResponseClass"] === "Success") return { element };
  const code = textAt(element, "ResponseCode") ?? "";
  // A warning carries its result too, save that of a batch that stopped.
  if (element.attributes["ResponseClass"] === "Warning" && code !== "ErrorBatchProcessingStopped") return { element };
  return { failure: failureOf(code, textAt(element, "MessageText") ?? "", find(element, "MessageXml")) };
}

function faultOf(fault: Element): ExchangeFailure {
  const code = textAt(find(fault, "ResponseCode")) ?? textAt(fault, "faultcode")?.replace(/^.*:/, "") ?? "";
  const text = textAt(fault, "faultstring") ?? textAt(find(fault, "Message")) ?? "";
  if (SENDER_FAILED.test(text)) return senderFailed(text);
  const failure = failureOf(code, text, find(fault, "MessageXml"));
  const isOfOneMessage = failure.disposition === "refused" || failure.disposition === "smaller";
  if (!isOfOneMessage) return failure;
  const { disposition, message, remedy } = failure;
  return new ExchangeFailure(disposition, message, { code, remedy, isWholeRequest: true });
}

/** A failure by its code. The inner code of an internal error is the real one. */
export function failureOf(outerCode: string, text: string, messageXml: Element | undefined): ExchangeFailure {
  const values = new Map(
    messageXml?.children.map((value) => [value.attributes["Name"] ?? value.name, value.text.trim()]),
  );
  const inner = outerCode.startsWith("ErrorInternalServer") ? values.get("InnerErrorResponseCode") : undefined;
  const code = inner && inner !== "NoError" ? inner : outerCode;
  const backOff = Number(values.get("BackOffMilliseconds"));
  const details: FailureDetails = { code, ...(backOff > 0 && { backOffMs: backOff }) };
  const where = [values.get("LineNumber") && `line ${values.get("LineNumber")}`, values.get("Violation")].filter(
    Boolean,
  );
  const reason = `${code}: ${values.get("InnerErrorMessageText") ?? text}${where.length > 0 ? ` (${where.join(": ")})` : ""}`;
  return new ExchangeFailure(dispositionOf(code), reason, details);
}

function httpFailure({ status, headers, body }: HttpAnswer, { url, signIn }: Asked): ExchangeFailure {
  const code = `HTTP ${status}`;
  const { host } = new URL(url);
  const said = SENDER_FAILED.test(body) ? body.replace(/<[^>]*>/g, " ").trim() : undefined;
  if (said !== undefined) return senderFailed(said);
  if (status === 401) return signInRefusal(headers, host, signIn);
  if (status === 403)
    return new ExchangeFailure("misconfigured", `${host} forbids EWS (403). ${diagnosticsOf(headers)}`, {
      code,
      remedy: forbiddenRemedy(url),
    });
  if (status === 404 || status === 405) {
    return new ExchangeFailure("misconfigured", `${url} is no EWS endpoint (${status}).`, {
      code,
      remedy: "Correct `url`: it usually ends with /EWS/Exchange.asmx.",
    });
  }
  if (status === 302 && /genericerrorpage/i.test(String(headers["location"])))
    return new ExchangeFailure("retry", `${host} has an outage (302 to its error page).`, { code });
  if (status >= 300 && status < 400) {
    return new ExchangeFailure("misconfigured", `${host} redirects to ${String(headers["location"])} (${status}).`, {
      code,
      remedy: "Set `url` to the address that answers itself.",
    });
  }
  if (status === 413 || status === 400) {
    const remedy =
      "Set `messageBytes` and `batchBytes` to what the server's maxAllowedContentLength takes: larger messages are then split.";
    return new ExchangeFailure("refused", `${host} refuses the request (${status}).`, {
      code,
      remedy,
      isWholeRequest: true,
    });
  }
  const backOffMs = retryAfterMs(headers);
  if (status === 429 || (status === 503 && (backOffMs !== undefined || isQueueFull(body)))) {
    return new ExchangeFailure("retry", `${host} asks for patience (${status}).`, {
      code,
      ...(backOffMs !== undefined && { backOffMs }),
    });
  }
  // Anything else may come from a gateway behind which the request went on.
  return new ExchangeFailure("unknown", `${host} answered ${status} without saying what became of the request.`, {
    code,
  });
}

function senderFailed(text: string): ExchangeFailure {
  return new ExchangeFailure("refused", text, {
    code: "SenderWithoutMailbox",
    isWholeRequest: true,
    remedy:
      "Give the sender an active mailbox in the organization, or map the sender to one in the people map, then retry it from the quarantine.",
  });
}

function forbiddenRemedy(url: string): string {
  return cloudOf(url)
    ? 'EWS is blocked by default since 2026-10-01: Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs "<the application\'s id>" until 2027-04-01, or deliver through Microsoft Graph.'
    : "Allow EWS to the account: Get-CASMailbox <account> | fl EwsEnabled,EwsAllowList; Set-CASMailbox <account> -EwsEnabled $true";
}

function isQueueFull(body: string): boolean {
  return /server is too busy|ServerTooBusy|queue/i.test(body);
}

function retryAfterMs(headers: HttpAnswer["headers"]): number | undefined {
  const value = String(headers["retry-after"] ?? "");
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** The item id that a created or found item has. */
export function itemIdOf(element: Element): string | undefined {
  return find(element, "ItemId")?.attributes["Id"];
}

export { at, find, textAt };
