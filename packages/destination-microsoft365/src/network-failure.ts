import type { Failure } from "./failure.ts";

/** Nothing was sent: there was no connection. */
const NOT_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];
const NOT_TRUSTED = /^(CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_TLS_CERT)/;

/** What it means that no answer came. A write that was sent may have been done. */
export function networkFailure(error: unknown, method: string, correlationId: string): Failure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = `Graph did not answer${code === "" ? "" : ` (${code})`}: ${error instanceof Error ? error.message : String(error)} (client-request-id ${correlationId})`;
  const rest = { reason, status: 0, code, correlationId };
  if (NOT_TRUSTED.test(code)) {
    return {
      kind: "misconfigured",
      ...rest,
      remedy: "Set `caFile` to the authorities that signed the server's or the proxy's certificate.",
    };
  }
  return {
    kind: (NOT_SENT.includes(code) && !isOfConnection(error)) || method === "GET" ? "retry" : "unknown",
    ...rest,
  };
}

/** A route may also vanish under a connection that stands, when the request is on its way or has arrived. */
function isOfConnection(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && (error.syscall === "read" || error.syscall === "write");
}
