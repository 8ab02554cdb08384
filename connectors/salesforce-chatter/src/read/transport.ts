import { PassThrough } from "node:stream";
import { AuthenticationError, RateLimitedError, UnavailableError, UnexpectedResponseError } from "@hansard/core";
import type { HttpRequest, HttpResponse } from "jsforce";
import { Transport } from "jsforce/lib/transport.js";
import { StreamPromise } from "jsforce/lib/util/promise.js";
import type { Settings } from "../schema.ts";
import { nextFullHour } from "./failure.ts";

const TIMEOUT_MS = 120_000;
const SALESFORCE = /\.(salesforce\.com|salesforce\.mil|sfcrmproducts\.cn)$/;

/**
 * How jsforce reaches Salesforce. Its own transport follows redirects to anywhere with the token, never ends when a body
 * is cut off, and takes a proxy out of the environment; this one does none of that, and watches the API quota.
 */
export class GuardedTransport extends Transport {
  readonly #settings: Settings;
  readonly #signal: AbortSignal;
  #usage: { used: number; limit: number } | undefined;

  constructor(settings: Settings, signal: AbortSignal) {
    super();
    this.#settings = settings;
    this.#signal = signal;
  }

  override httpRequest(request: HttpRequest): StreamPromise<HttpResponse> {
    return StreamPromise.create(() => ({ stream: new PassThrough(), promise: this.#exchange(request) }));
  }

  /** Requests without reading the body, so that a file can be streamed. */
  async open(request: HttpRequest): Promise<Response> {
    const url = allowed(request.url, this.#settings);
    this.#spareTheQuota(url);
    const response = await this.#fetch(url, request);
    this.#noteUsage(response.headers.get("sforce-limit-info"));
    if (response.status >= 300 && response.status < 400) throw redirected(url, response.headers.get("location"));
    if (response.status === 429) throw patience(url, response.headers.get("retry-after"));
    if (response.status >= 500) throw new UnavailableError(`${url.host} answers with status ${response.status}.`);
    return response;
  }

  async #exchange(request: HttpRequest): Promise<HttpResponse> {
    const response = await this.open(request);
    const body = await response.text().catch((error: unknown) => {
      throw this.#failure(request.url, error);
    });
    // Salesforce's own 401 says why; one without a reason comes from something in between, which no new sign-in helps.
    if (response.status === 401 && !body.includes("INVALID_SESSION_ID") && !body.includes('"error_description"')) {
      throw new AuthenticationError(`${new URL(request.url).host} refuses the sign-in.`, {
        remedy: "Check the credentials, and the gateway where there is one.",
      });
    }
    return { statusCode: response.status, headers: Object.fromEntries(response.headers), body };
  }

  async #fetch(url: URL, { method, headers, body }: HttpRequest): Promise<Response> {
    const send = () =>
      fetch(url, {
        method,
        redirect: "manual",
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]),
        ...(headers && { headers }),
        ...(typeof body === "string" && { body }),
      });
    try {
      return await send();
    } catch (error) {
      // A connection kept open for too long is the commonest failure, and a second attempt is enough for it.
      if (method !== "GET" || this.#signal.aborted) throw this.#failure(url.href, error);
      return await send().catch((again: unknown) => {
        throw this.#failure(url.href, again);
      });
    }
  }

  #failure(url: string, cause: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    const reason =
      cause instanceof Error ? [cause.message, codeOfCause(cause)].filter(Boolean).join(": ") : String(cause);
    return new UnavailableError(`The connection to ${new URL(url).host} failed: ${reason}.`, { cause });
  }

  #spareTheQuota(url: URL): void {
    if (!this.#usage || url.pathname.startsWith("/services/oauth2/")) return;
    const { used, limit } = this.#usage;
    if (used + 1 <= limit * this.#settings.apiShare) return;
    throw new RateLimitedError(
      `${used} of the organization's ${limit} daily API requests are used up; reading stops at a share of ${this.#settings.apiShare}.`,
      { retryAt: nextFullHour(), remedy: "Raise apiShare, or find what else uses the API." },
    );
  }

  #noteUsage(header: string | null): void {
    const [, used, limit] = /(?:^|[\s,;])api-usage=(\d+)\/(\d+)/.exec(header ?? "") ?? [];
    if (used !== undefined && limit !== undefined) this.#usage = { used: Number(used), limit: Number(limit) };
  }
}

/** Whether the token may be sent there: to Salesforce's own hosts, and to those that the settings name. */
export function allowed(address: string, settings: Settings): URL {
  const url = new URL(address);
  const named = [settings.loginUrl, settings.instanceUrl, settings.gatewayUrl].some(
    (known) => known !== undefined && new URL(known).origin === url.origin,
  );
  if (named || (url.protocol === "https:" && url.port === "" && SALESFORCE.test(url.hostname))) return url;
  throw new AuthenticationError(
    `The address ${url.origin} is not one of Salesforce's, so the sign-in was not sent there.`,
    {
      remedy: "If it is right, name it as instanceUrl in the settings.",
    },
  );
}

function redirected(url: URL, location: string | null): UnexpectedResponseError {
  return new UnexpectedResponseError(`${url.host} points to ${location ?? "nowhere"} instead of answering.`, {
    remedy: "The organization may have moved: name its new address as loginUrl or instanceUrl.",
  });
}

function patience(url: URL, retryAfter: string | null): RateLimitedError {
  const seconds = /^\d+$/.test(retryAfter ?? "") ? Number(retryAfter) : 60;
  const retryAt = new Date(Date.now() + Math.min(seconds, 86_400) * 1000);
  return new RateLimitedError(`${url.host} asks to wait for ${seconds} seconds.`, { retryAt });
}

function codeOfCause({ cause }: Error): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}
