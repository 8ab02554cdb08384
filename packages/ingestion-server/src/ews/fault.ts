import type { Answer } from "../server-http.ts";
import { StoreRefusal } from "../store-types.ts";
import { ERRORS, escaped, MESSAGES, TYPES } from "./xml-tree.ts";

/** An error of one item: its response message says so, and the others go on. */
export class EwsError extends Error {
  readonly code: string;
  readonly values: Record<string, string>;

  constructor(code: string, message: string, values: Record<string, string> = {}) {
    super(message);
    this.code = code;
    this.values = values;
  }
}

/** An error of the whole request: a SOAP fault. */
export class EwsFault extends EwsError {}

/** After these a batch goes no further. */
const FATAL = [
  "ErrorAccessDenied",
  "ErrorAccountDisabled",
  "ErrorADUnavailable",
  "ErrorADOperation",
  "ErrorConnectionFailed",
  "ErrorMailboxStoreUnavailable",
  "ErrorMailboxMoveInProgress",
  "ErrorImpersonateUserDenied",
];

export function isFatal({ code }: EwsError): boolean {
  return FATAL.includes(code);
}

export function fromStore(error: unknown): EwsError {
  if (error instanceof EwsError) return error;
  if (!(error instanceof StoreRefusal)) throw error;
  const codes: Record<StoreRefusal["reason"], string> = {
    "quota-exceeded": "ErrorQuotaExceeded",
    "folder-full": "ErrorMessagePerFolderCountReceiveQuotaExceeded",
    "folder-exists": "ErrorFolderExists",
    "item-too-large": "ErrorMessageSizeExceeded",
    "cannot-delete": "ErrorCannotDeleteObject",
  };
  return new EwsError(codes[error.reason], error.message);
}

/** The fault as Exchange writes it, with status 500. Its values stand in the types namespace. */
export function faultAnswer({ code, message, values }: EwsError): Answer {
  const detail = `<e:ResponseCode xmlns:e="${ERRORS}">${code}</e:ResponseCode><e:Message xmlns:e="${ERRORS}">${escaped(message)}</e:Message>${messageXml(values, "t")}`;
  return soapFault(
    `<faultcode xmlns:a="${TYPES}">a:${code}</faultcode><faultstring xml:lang="en-US">${escaped(message)}</faultstring><detail>${detail}</detail>`,
  );
}

export function soapFault(content: string, status = 500): Answer {
  const body = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>${content}</s:Fault></s:Body></s:Envelope>`;
  return { status, headers: { "content-type": "text/xml; charset=utf-8" }, body };
}

/** The response message of an item that failed. Its values stand in the messages namespace. */
export function errorMessage(operation: string, { code, message, values }: EwsError): string {
  const responseClass = code === "ErrorBatchProcessingStopped" ? "Warning" : "Error";
  return `<m:${operation}ResponseMessage ResponseClass="${responseClass}"><m:MessageText>${escaped(message)}</m:MessageText><m:ResponseCode>${code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>${messageXml(values, "m")}</m:${operation}ResponseMessage>`;
}

function messageXml(values: Record<string, string>, prefix: "t" | "m"): string {
  const entries = Object.entries(values);
  if (entries.length === 0) return "";
  const namespace = prefix === "t" ? TYPES : MESSAGES;
  const list = entries
    .map(([name, value]) => `<t:Value xmlns:t="${TYPES}" Name="${escaped(name)}">${escaped(value)}</t:Value>`)
    .join("");
  return `<${prefix}:MessageXml xmlns:${prefix}="${namespace}">${list}</${prefix}:MessageXml>`;
}
