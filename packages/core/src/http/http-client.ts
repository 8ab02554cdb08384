import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Secret } from "../secret.ts";

export interface HttpRequest {
  method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  headers?: Record<string, string | Secret>;
  /** Appended to the URL. */
  query?: Record<string, string | number | boolean | undefined>;
  /** An object is sent as JSON, URLSearchParams as a form. */
  body?: string | Uint8Array | URLSearchParams | object;
  /** For the whole exchange, the body included. Absent: 30,000. */
  timeoutMs?: number;
  /** The bucket whose allowance this request takes. Absent: the request waits for no allowance. */
  bucket?: RateLimit;
}

/** An allowance of requests that refills evenly. Requests naming the same `name` share it. */
export interface RateLimit {
  name: string;
  requests: number;
  perMs: number;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

export interface Download {
  /** As the server says it, without parameters. */
  contentType: string;
  /** As the server says it; absent where it does not. */
  size: number | undefined;
  /** Ends with an UnexpectedResponseError where it is shorter or longer than announced, or longer than allowed. */
  content: AsyncIterable<Uint8Array>;
}

/**
 * Requests to the hosts that the connector declares, and to no others: not to private or loopback addresses unless the
 * operator's settings name them, and through redirects only to declared hosts, without credentials where the host changes.
 * Statuses become errors: 401 and 403 AuthenticationError, 429 RateLimitedError, 5xx and network failures
 * UnavailableError after bounded retries, anything else that is not 2xx UnexpectedResponseError.
 */
export interface HttpClient {
  request(url: string, request?: HttpRequest): Promise<HttpAnswer>;
  /** Requests JSON and parses it with `schema`. What does not fit is an UnexpectedResponseError that names the path. */
  json<Schema extends StandardSchemaV1>(
    url: string,
    schema: Schema,
    request?: HttpRequest,
  ): Promise<StandardSchemaV1.InferOutput<Schema>>;
  /**
   * Streams a file. `expect` guards against a log-in page that is served in its place: a size or type that does not
   * agree is an UnexpectedResponseError.
   */
  download(
    url: string,
    request?: HttpRequest & { maxBytes?: number; expect?: { size?: number; contentType?: string } },
  ): Promise<Download>;
}
