import { randomUUID } from "node:crypto";
import type { Answer } from "./server-http.ts";
import { StoreRefusal } from "./store-types.ts";

/** A refusal in Microsoft's terms. */
export class GraphError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export function errorAnswer(error: GraphError, ids: { requestId: string; clientRequestId: string }): Answer {
  const { status, code, message, retryAfterSeconds } = error;
  const innerError = {
    date: new Date().toISOString().slice(0, 19),
    "request-id": ids.requestId,
    "client-request-id": ids.clientRequestId,
  };
  return {
    status,
    ...(retryAfterSeconds !== undefined && { headers: { "retry-after": String(retryAfterSeconds) } }),
    json: { error: { code, message, innerError } },
  };
}

/** What a refusal of the store is called in Graph. */
export function fromStore(error: unknown): unknown {
  if (!(error instanceof StoreRefusal)) return error;
  switch (error.reason) {
    case "quota-exceeded":
      return new GraphError(507, "ErrorQuotaExceeded", error.message);
    case "folder-full":
      return new GraphError(507, "ErrorMessagePerFolderCountReceiveQuotaExceeded", error.message);
    case "folder-exists":
      return new GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.");
    case "item-too-large":
      return new GraphError(413, "ErrorMessageSizeExceeded", error.message);
    case "cannot-delete":
      return new GraphError(403, "ErrorCannotDeleteObject", error.message);
  }
}

export const notFound = (what = "The specified object was not found in the store."): GraphError =>
  new GraphError(404, "ErrorItemNotFound", what);
export const badRequest = (code: string, message: string): GraphError => new GraphError(400, code, message);
export const accessDenied = (): GraphError =>
  new GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.");

export function invalidToken(message: string): Answer {
  const ids = { requestId: randomUUID(), clientRequestId: randomUUID() };
  return {
    ...errorAnswer(new GraphError(401, "InvalidAuthenticationToken", message), ids),
    headers: {
      "www-authenticate":
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"',
    },
  };
}

/** What is thrown as an answer, except where there is to be none. */
export function failureAnswer(error: unknown, ids: { requestId: string; clientRequestId: string }): Answer {
  const known = fromStore(error);
  if (known instanceof GraphError) return errorAnswer(known, ids);
  if (known instanceof BareAnswer) return known.answer;
  throw known;
}

/** An answer without Microsoft's body. */
export class BareAnswer extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`status ${answer.status}`);
    this.answer = answer;
  }
}
