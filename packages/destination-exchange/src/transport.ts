import { readFileSync } from "node:fs";
import { TLSSocket } from "node:tls";
import { SettingsError } from "@hansard/core";
import { Agent, buildConnector, type Dispatcher, errors } from "undici";
import { ExchangeFailure } from "./failure.ts";
import type { Settings } from "./settings.ts";

/** One HTTP exchange with the service. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface Posting {
  body: string;
  headers: Record<string, string>;
  signal: AbortSignal;
}

/** Sends requests as an account or an application. */
export interface SignedInDoor {
  /** Rejects with an ExchangeFailure. */
  post(posting: Posting): Promise<HttpAnswer>;
  /** The token that came with the answered request is no longer good. True where another one may do. */
  renew(answered: HttpAnswer): Promise<boolean>;
  /** How often an access token was fetched. */
  tokensFetched(): number;
  close(): Promise<void>;
}

const MOST_ANSWER_BYTES = 256 * 1024 * 1024;
const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS|ERR_SSL|EPROTO/;
/** These come before a byte of the request is sent. */
const UNSENT_CODES = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
];

export type Connector = ReturnType<typeof buildConnector>;

/** Opens TLS connections as the settings say. */
export function connectorOf({ caFile, timeoutMs }: Settings): Connector {
  return buildConnector({
    minVersion: "TLSv1.2",
    timeout: Math.min(timeoutMs, 30_000),
    ...(caFile !== undefined && { ca: readAuthorities(caFile) }),
  });
}

export function agentOf(settings: Settings): Agent {
  return new Agent({ connect: connectorOf(settings), connections: settings.connections, pipelining: 1 });
}

/** Posts to the service. Rejects with an ExchangeFailure: `retry` where surely nothing was sent, else `unknown`. */
export async function post(
  dispatcher: Dispatcher,
  settings: Settings,
  { body, headers, signal }: Posting,
): Promise<HttpAnswer> {
  const url = new URL(settings.url);
  try {
    const answer = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: "POST",
      headers,
      body,
      signal,
      headersTimeout: settings.timeoutMs,
      bodyTimeout: settings.timeoutMs,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await textOf(answer.body) };
  } catch (error) {
    throw connectionFailure(error, url.host, signal);
  }
}

async function textOf(content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MOST_ANSWER_BYTES) throw new Error(`The answer is longer than ${MOST_ANSWER_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString("utf8");
}

function connectionFailure(error: unknown, host: string, signal: AbortSignal): ExchangeFailure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (CERTIFICATE_CODE.test(code)) {
    const [reason, remedy] = certificateFault(code, message);
    return new ExchangeFailure(
      "misconfigured",
      `No trusted connection to ${host}: ${reason}.`,
      { code, remedy },
      error,
    );
  }
  if (UNSENT_CODES.includes(code) || error instanceof errors.ConnectTimeoutError) {
    const remedy = "See that `url` is right, that the server runs, and that this machine may connect to it.";
    return new ExchangeFailure("retry", `No connection to ${host}: ${message}.`, { code, remedy }, error);
  }
  const reason = signal.aborted ? "the run ended" : message;
  const remedy = "See that the server works: what was sent is looked for before it is sent again.";
  return new ExchangeFailure(
    "unknown",
    `${host} did not answer: ${reason}.`,
    { code: code || "no answer", remedy },
    error,
  );
}

/** What is wrong with the server's certificate, and what to do. */
function certificateFault(code: string, message: string): [reason: string, remedy: string] {
  if (code === "CERT_HAS_EXPIRED") {
    return [
      "its certificate has expired",
      "Renew the certificate on the server; where its own is still good, the one of an authority that it came with. Until then nothing is sent there.",
    ];
  }
  if (code === "CERT_NOT_YET_VALID") {
    const remedy =
      "See that the clocks of this machine and of the server are right, or wait until the certificate's day.";
    return ["its certificate is not valid yet", remedy];
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const remedy = "Set `url` to a name that the certificate is for, or give the server a certificate for this one.";
    return [`its certificate is for another name: ${message}`, remedy];
  }
  return [message, "Set `caFile` to the authority that signed the server's certificate, or renew the certificate."];
}

/** The certificate that the server showed, as bytes. Absent without TLS. */
export function peerCertificate(socket: unknown): Buffer | undefined {
  return socket instanceof TLSSocket ? socket.getPeerCertificate(true).raw : undefined;
}

/** Until when the server's certificate is good. Undefined where no connection comes about. */
export function certificateEnd(settings: Settings): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(settings.url);
  return new Promise((resolve) => {
    connectorOf(settings)({ hostname, protocol, port: port || "443" }, (...[error, socket]) => {
      const validTo = error ? undefined : peerValidity(socket);
      socket?.destroy();
      resolve(validTo);
    });
  });
}

function peerValidity(socket: unknown): string | undefined {
  return socket instanceof TLSSocket ? socket.getPeerCertificate().valid_to : undefined;
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingsError(`The authorities in caFile "${path}" cannot be read: ${why}`, {
      remedy: "Give the path of a PEM file that the account Hansard runs as can read.",
      cause: error,
    });
  }
}
