import type { Secret } from "../secret.ts";
import type { Connection } from "./connection.ts";
import { admit, admitParsed, type HostPolicy } from "./host-policy.ts";
import { isCredential, unexpected, type Wording } from "./http-failure.ts";

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_DISCARDED_BYTES = 65_536;

/** A request as it goes out, one or more times. */
export interface Call {
  /** With its query. */
  url: string;
  method: string;
  headers: Record<string, string | Secret>;
  body: string | Uint8Array | undefined;
  wording: Wording;
}

/** An answer whose body has yet to be read. */
export interface Response {
  /** Where it came from, after redirects. */
  url: URL;
  status: number;
  headers: Headers;
  body: AsyncIterable<Uint8Array>;
}

/** Sends a call and follows its redirects, each of them checked as the first URL was. */
export async function exchange(
  call: Call,
  connection: Connection,
  hosts: HostPolicy,
  signal: AbortSignal,
): Promise<Response> {
  let { method, headers, body } = call;
  let admission = admit(call.url, hosts);

  for (let redirects = 0; ; redirects += 1) {
    if ("refusal" in admission) throw refuse(call, redirects, admission.refusal);
    const { url, allowPrivate } = admission;
    const response = await connection.send({ url, allowPrivate, method, headers: reveal(headers), body, signal });
    const answered = { url, status: response.statusCode, headers: toHeaders(response.headers), body: response.body };
    if (!REDIRECTS.has(answered.status)) return answered;

    await response.body.dump({ limit: MAX_DISCARDED_BYTES, signal });
    if (redirects === MAX_REDIRECTS)
      throw unexpected(`${call.wording.name(call.url)} redirects more than ${MAX_REDIRECTS} times.`);
    const target = locate(call, answered);
    if (becomesGet(answered.status, method)) ({ method, headers, body } = asGet(method, headers));
    if (target.origin !== url.origin) {
      if (body !== undefined)
        throw refuse(
          call,
          redirects + 1,
          `it is on another host, "${target.host}", and would take the request's body there`,
        );
      headers = withoutCredentials(headers);
    }
    admission = admitParsed(target, hosts);
  }
}

function refuse({ url, wording }: Call, redirects: number, refusal: string): Error {
  const place =
    redirects === 0 ? `${wording.name(url)} is not requested` : `A redirect of ${wording.name(url)} is not followed`;
  return unexpected(
    `${place}: ${wording.clean(refusal)}.`,
    "If this host is yours, name it in the source's settings; if it is the source's, the connector must declare it.",
  );
}

function locate({ url, wording }: Call, { url: current, status, headers }: Response): URL {
  const location = headers.get("location");
  if (location !== null && URL.canParse(location, current.href)) return new URL(location, current);
  throw unexpected(`${wording.name(url)} answered ${status}, a redirect, without a location that is a URL.`);
}

/** As browsers do: 303 always asks with GET, 301 and 302 only what was a POST. */
function becomesGet(status: number, method: string): boolean {
  return status === 303 ? method !== "HEAD" : status < 303 && method === "POST";
}

function asGet(method: string, headers: Call["headers"]): Pick<Call, "method" | "headers" | "body"> {
  const kept = Object.entries(headers).filter(([name]) => !name.toLowerCase().startsWith("content-"));
  return { method: method === "HEAD" ? "HEAD" : "GET", headers: Object.fromEntries(kept), body: undefined };
}

function withoutCredentials(headers: Call["headers"]): Call["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name, value]) => !isCredential(name, value)));
}

function reveal(headers: Call["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : value.reveal()]),
  );
}

function toHeaders(received: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(received)) {
    for (const each of Array.isArray(value) ? value : [value ?? ""]) headers.append(name, each);
  }
  return headers;
}
