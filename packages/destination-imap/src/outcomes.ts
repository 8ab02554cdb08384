import { AuthenticationError, type HansardError, isHansardError, UnavailableError } from "@hansard/core";
import type { Outcome } from "@hansard/core/ingestion";

/** What the server said to a command that it did not carry out. */
export interface Refusal {
  /** `NO`: cannot; `BAD`: does not understand; `BYE`: ends the connection. */
  status: "NO" | "BAD" | "BYE";
  /** The response code in brackets, such as `OVERQUOTA` (RFC 5530). */
  code?: string;
  text: string;
}

/** Where an exchange with the server stopped. Its kind says what is known of the message. */
export class ImapFailure extends Error {
  readonly outcome: Exclude<Outcome, { status: "accepted" }>;

  constructor(outcome: Exclude<Outcome, { status: "accepted" }>, cause?: unknown) {
    super(outcome.reason, { cause });
    this.outcome = outcome;
  }
}

/** The server refuses the sign-in for good: the credentials are wrong, or the mailbox does not exist. */
export class SignInRefused extends ImapFailure {
  /** The server's response code, or an empty text. */
  readonly code: string;

  constructor(outcome: Exclude<Outcome, { status: "accepted" }>, code: string) {
    super(outcome);
    this.code = code;
  }
}

const FULL_RETRY_MS = 60 * 60 * 1000;
const PASSING_CODES = ["UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "CORRUPTION", "EXPUNGEISSUED", "THROTTLED"];
const RIGHTS_CODES = ["NOPERM", "CONTACTADMIN", "PRIVACYREQUIRED", "CANNOT", "HASCHILDREN"];
const SIZE_CODES = ["TOOBIG", "APPENDLIMIT", "MAXSIZE"];

/** What a refused APPEND or CREATE means. A full mailbox of one person must not stop the others; a full shared account does. */
export function refusalOutcome(refusal: Refusal, where: { path: string; isShared: boolean; now: Date }): ImapFailure {
  const { status, code = "", text } = refusal;
  const reason = `The server refused "${where.path}": ${status} ${code === "" ? "" : `[${code}] `}${text}`;
  if (code === "OVERQUOTA") return full(reason, where);
  if (SIZE_CODES.includes(code)) {
    return new ImapFailure({
      status: "refused",
      reason,
      remedy: "Set `messageBytes` to what the server takes: larger messages are then split.",
    });
  }
  if (RIGHTS_CODES.includes(code)) {
    return new ImapFailure({
      status: "misconfigured",
      reason,
      remedy: "Let the account create folders there and insert messages (the rights k, i and s).",
    });
  }
  if (status === "BYE" || PASSING_CODES.includes(code)) return new ImapFailure({ status: "retry", reason });
  return new ImapFailure({
    status: "refused",
    reason,
    remedy: "Look at the server's log for the cause, then retry it from the quarantine.",
  });
}

function full(reason: string, { isShared, now }: { isShared: boolean; now: Date }): ImapFailure {
  if (!isShared) return new ImapFailure({ status: "retry", reason, retryAt: new Date(now.getTime() + FULL_RETRY_MS) });
  return new ImapFailure({
    status: "misconfigured",
    reason,
    remedy: "Raise the shared account's quota, or make room in it.",
  });
}

/** What a failed sign-in means, where it is not known yet whether the mailbox exists. */
export function signInOutcome(refusal: Refusal, user: string): ImapFailure {
  const { status, code = "", text } = refusal;
  const reason = `The server refused to sign in ${user}: ${status} ${code === "" ? "" : `[${code}] `}${text}`;
  if (status === "BYE" || PASSING_CODES.includes(code)) return new ImapFailure({ status: "retry", reason });
  const remedy =
    code === "AUTHORIZATIONFAILED"
      ? "Allow the account to act for this mailbox."
      : "Correct the account and its password or token, and its right to act for other mailboxes.";
  return new SignInRefused({ status: "misconfigured", reason, remedy }, code);
}

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS|ERR_SSL|EPROTO/;

/** What it means that no connection came about. Nothing was sent. */
export function connectionOutcome(error: unknown, server: string): ImapFailure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = `No connection to ${server}: ${message}`;
  const isTlsFault =
    CERTIFICATE_CODE.test(code) || (error instanceof Error && "tlsFailed" in error && error.tlsFailed === true);
  if (!isTlsFault) return new ImapFailure({ status: "retry", reason }, error);
  return new ImapFailure(
    {
      status: "misconfigured",
      reason,
      remedy:
        "Renew the server's certificate, or set `caFile` and `serverName` to what it is signed by and issued for; see that `tls` fits the port.",
    },
    error,
  );
}

/** The server's answer within an error of the library, where there is one. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !("responseStatus" in error)) return undefined;
  const { responseStatus } = error;
  if (responseStatus !== "NO" && responseStatus !== "BAD") return undefined;
  const code =
    "serverResponseCode" in error && typeof error.serverResponseCode === "string"
      ? error.serverResponseCode.toUpperCase()
      : undefined;
  const text = "responseText" in error && typeof error.responseText === "string" ? error.responseText : error.message;
  return { status: responseStatus, text, ...(code !== undefined && { code }) };
}

/** Why a look or a reading came to nothing: what is set up wrongly is told from what may pass. */
export function lookUpError(error: unknown): HansardError {
  if (isHansardError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof ImapFailure && error.outcome.status === "misconfigured")
    return new AuthenticationError(reason, { remedy: error.outcome.remedy, cause: error });
  return new UnavailableError(reason, { cause: error });
}
