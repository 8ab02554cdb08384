import { isHansardError } from "@hansard/core";
import { type Outcome, outcomeOfSignIn } from "@hansard/core/ingestion";
import type { SMTPError } from "nodemailer/lib/smtp-connection";

export type Failure = Exclude<Outcome, { status: "accepted" }>;

/** Where a failed attempt stood. */
export interface Attempt {
  server: string;
  /** Whether the whole message, its final dot included, may have reached the server. */
  isAllSent: boolean;
  /** Whether the recipient is the mailbox itself, and not the one address of the archive. */
  toMailbox: boolean;
  now: Date;
}

const FULL_RETRY_MS = 60 * 60 * 1000;
const NO_SUCH_USER = /\b5\.1\.(?:1|10)\b/;
const NO_SUCH_USER_IN_WORDS =
  /no such (?:user|mailbox|recipient)|(?:user|recipient|mailbox)(?: \S+)? (?:unknown|not found|does not exist)|unknown (?:user|recipient|mailbox)/i;
const MAILBOX_FULL = /\b[45]\.2\.2\b/;
const TOO_LARGE = /\b[45]\.(?:3\.4|2\.3)\b/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_TLS|ERR_SSL|EPROTO/;

/** What it means that no connection could be opened. */
export function openingFailure(error: unknown, attempt: Attempt): Failure {
  if (isHansardError(error)) return outcomeOfSignIn(error);
  if (error instanceof Error) return failureOutcome(error, attempt);
  throw error;
}

/** What an SMTP failure means for the message. Codes after RFC 5321 and RFC 3463. */
export function failureOutcome(error: SMTPError, attempt: Attempt): Failure {
  const { code = "", responseCode } = error;
  if (code === "EAUTH" || code === "ENOAUTH") return signInFailure(error, attempt);
  if (code === "ETLS" && responseCode !== 454) return encryptionFailure(error, attempt);
  if (isTooLarge(error))
    return tooLarge(`${attempt.server} does not take it: ${singleLine(error.response ?? error.message)}`);
  if (responseCode === undefined) return connectionFailure(error, attempt);
  const reply = singleLine(error.response ?? error.message);
  const reason = `${attempt.server} answered: ${reply}`;
  if (MAILBOX_FULL.test(reply))
    return { status: "retry", reason, retryAt: new Date(attempt.now.getTime() + FULL_RETRY_MS) };
  if (responseCode < 500 || responseCode === 503)
    return responseCode < 400 ? unexpected(reason, attempt) : { status: "retry", reason };
  if (error.command === "DATA" && code === "EMESSAGE") {
    return {
      status: "refused",
      reason,
      remedy: "Ask the archive's operators why it refuses this message; the reply names the cause.",
    };
  }
  return envelopeFailure(error, reason, reply, attempt);
}

/** Whether the connection ended, as against an answer that was given. */
export function isBrokenOff({ code = "", responseCode }: SMTPError): boolean {
  return responseCode === undefined && ["ECONNECTION", "ESOCKET", "ETIMEDOUT"].includes(code);
}

/** By the limit that the server announced, or by its reply. */
export function isTooLarge({ code, responseCode, response = "", message }: SMTPError): boolean {
  if (responseCode === undefined) return code === "EMESSAGE" && message.includes("larger than allowed");
  return responseCode >= 500 && !MAILBOX_FULL.test(response) && (TOO_LARGE.test(response) || responseCode === 552);
}

function tooLarge(reason: string): Failure {
  return {
    status: "refused",
    reason,
    remedy: "Set `messageBytes` to what the server takes: larger messages are then split.",
  };
}

/** MAIL FROM, RCPT TO or DATA was refused: nothing was sent. */
function envelopeFailure(error: SMTPError, reason: string, reply: string, { toMailbox }: Attempt): Failure {
  if (error.command === "RCPT TO" && (NO_SUCH_USER.test(reply) || NO_SUCH_USER_IN_WORDS.test(reply))) {
    if (toMailbox) return { status: "no-mailbox", reason };
    return {
      status: "misconfigured",
      reason,
      remedy: "Correct `recipient`: the archive does not know this journaling address.",
    };
  }
  if (error.command === "RCPT TO" && toMailbox && !/\b5\.7\.\d+\b|relay|denied|authenticat/i.test(reply))
    return { status: "refused", reason };
  return {
    status: "misconfigured",
    reason,
    remedy: "Have the archive accept mail from this host or account, for `recipient` and from `sender`.",
  };
}

function signInFailure(error: SMTPError, { server }: Attempt): Failure {
  const reason = `${server} refused the sign-in: ${singleLine(error.response ?? error.message)}`;
  if (error.responseCode !== undefined && error.responseCode < 500) return { status: "retry", reason };
  return {
    status: "misconfigured",
    reason,
    remedy:
      "Correct the account and the credentials in `signIn`, and allow the account or application to send by authenticated SMTP.",
  };
}

function connectionFailure(error: SMTPError, { server, isAllSent }: Attempt): Failure {
  const reason = `The exchange with ${server} broke off: ${error.message}`;
  if (isAllSent) return { status: "unknown", reason };
  if (CERTIFICATE.test(error.originalCode ?? "") || CERTIFICATE.test(error.code ?? ""))
    return encryptionFailure(error, { server });
  return { status: "retry", reason };
}

/** The connection is not made safe, so nothing is sent over it. */
function encryptionFailure(error: SMTPError, { server }: Pick<Attempt, "server">): Failure {
  return {
    status: "misconfigured",
    reason: `The connection to ${server} cannot be encrypted: ${singleLine(error.message)}`,
    remedy:
      "See that `tls` fits the port, renew the server's certificate, or set `caFile` and `serverName` to what it is signed by and issued for.",
  };
}

/** A 2xx or 3xx where another was due: whether the message is taken is not known. */
function unexpected(reason: string, { isAllSent }: Attempt): Failure {
  return { status: isAllSent ? "unknown" : "retry", reason };
}

function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, 500);
}
