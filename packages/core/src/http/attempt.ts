import { AuthenticationError, isHansardError, RateLimitedError, UnavailableError } from "../errors.ts";
import { codeOf, readBody } from "./body.ts";
import { type Connection, RefusedAddressError } from "./connection.ts";
import { type Deadline, openDeadline } from "./deadline.ts";
import { type Call, exchange, type Response } from "./exchange.ts";
import type { HostPolicy } from "./host-policy.ts";
import { Setback, unexpected, withAnswer } from "./http-failure.ts";
import { readRetryAfter } from "./patience.ts";

const MAX_ERROR_BODY_BYTES = 65_536;
const UNKNOWN_WAIT_MS = 60_000;
/** The request never left this machine, so that it may be sent again whatever it does. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);
const BAD_CERTIFICATE = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;
const NOT_HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_)/;

export interface AttemptOptions {
  connection: Connection;
  hosts: HostPolicy;
  signal: AbortSignal;
  timeoutMs: number;
  now: () => number;
}

/**
 * One try. `take` receives a 2xx answer and ends its deadline; everything else becomes the error that its status means,
 * a {@link Setback} where another try may help.
 */
export async function attempt<Taken>(
  call: Call,
  { connection, hosts, signal, timeoutMs, now }: AttemptOptions,
  take: (response: Response, deadline: Deadline) => Promise<Taken>,
): Promise<Taken> {
  const deadline = openDeadline(signal, timeoutMs);
  try {
    const response = await exchange(call, connection, hosts, deadline.signal);
    if (response.status >= 200 && response.status < 300) return await take(response, deadline);
    throw await fromStatus(response, call, now);
  } catch (error) {
    deadline.end();
    if (signal.aborted) throw signal.reason;
    if (deadline.expired()) throw new Setback(tooSlow(call, timeoutMs), { sent: true });
    throw fromNetwork(error, call);
  }
}

async function fromStatus(response: Response, { url, wording }: Call, now: () => number): Promise<Error> {
  const { status, headers } = response;
  const place = wording.name(url);
  // An error's body that cannot be read takes nothing from the error.
  const body = await readBody(response, MAX_ERROR_BODY_BYTES, wording).catch(() => new Uint8Array());
  const answer = { status, headers, body };
  if (status === 401 || status === 403) {
    const verb = status === 401 ? "refuses the credentials" : "forbids this to the given credentials";
    const remedy =
      "Look whether the credentials in the source's settings are valid and have the permissions that the connector's page lists.";
    return withAnswer(new AuthenticationError(`${place} ${verb} (${status}).`, { remedy }), answer);
  }
  const retryAfterMs = readRetryAfter(headers, now());
  if (status === 429) {
    const retryAt = new Date(now() + (retryAfterMs ?? UNKNOWN_WAIT_MS));
    const message = `${place} takes no more requests before ${retryAt.toISOString()} (429).`;
    return new Setback(withAnswer(new RateLimitedError(message, { retryAt }), answer), { sent: false, retryAfterMs });
  }
  if (status >= 500) {
    return new Setback(withAnswer(new UnavailableError(`${place} is failing (${status}).`), answer), {
      sent: true,
      retryAfterMs,
    });
  }
  return withAnswer(unexpected(`${place} answered ${status}, where success was expected.`), answer);
}

function tooSlow({ url, wording }: Call, timeoutMs: number): UnavailableError {
  return new UnavailableError(`${wording.name(url)} did not complete its answer within ${timeoutMs / 1000} seconds.`);
}

/** Node's and undici's errors are not passed on as a cause: some carry what was sent or received. */
export function fromNetwork(error: unknown, { url, wording }: Call): unknown {
  if (isHansardError(error) || error instanceof Setback) return error;
  const place = wording.name(url);
  if (error instanceof RefusedAddressError) {
    return unexpected(
      `${place} is not requested: ${error.message}.`,
      `If this host is yours, name "${error.hostname}" in the source's settings. If not, someone may be trying to reach your network through it.`,
    );
  }
  const code = error instanceof Error && error.name === "HTTPParserError" ? "HPE_INVALID" : codeOf(error);
  if (BAD_CERTIFICATE.test(code)) {
    return new UnavailableError(`${place} does not show a certificate that can be trusted (${code}).`, {
      remedy:
        "If your network inspects TLS or the host has a private authority, name that authority's certificate in NODE_EXTRA_CA_CERTS.",
    });
  }
  if (NOT_HTTP.test(code)) return unexpected(`${place} answered something that is not proper HTTP (${code}).`);
  if (code === "unknown") return error;
  const sent = !NOT_SENT.has(code);
  return new Setback(
    new UnavailableError(`${place} ${sent ? "broke the connection off" : "cannot be reached"} (${code}).`),
    { sent },
  );
}
