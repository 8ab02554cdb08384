import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Secret } from "../secret.ts";

export interface HttpRequest {
  method?: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  headers?: Record<string, string | Secret>;
  /** Appended to the URL. */
  query?: Record<string, string | number | boolean | undefined>;
  /** An object is sent as JSON, URLSearchParams as a form. */
  body?: string | Uint8Array | URLSearchParams | object;
  /**
   * For the whole exchange, the body included. Absent: 30,000; a download's content then has as long as it needs, as
   * long as it does not stand still for 30 seconds or trickle.
   */
  timeoutMs?: number;
  /** Whether it may reach the source twice, as a POST that only reads may. Absent: true for every method but POST. */
  idempotent?: boolean;
  /** The bucket whose allowance this request takes. Absent: the request waits for no allowance. */
  bucket?: RateLimit;
}

/**
 * An allowance: at most `requests` within any `perMs`, as the source counts them. Requests naming the same `name` share
 * it, and wait together where the source asks for patience.
 */
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
 * UnavailableError after bounded retries, anything else that is not 2xx UnexpectedResponseError. `answerOf(error)` gives
 * the status and the source's own words. Short waits that the source asks for are waited out here. When the run ends,
 * requests reject with the signal's reason. A credential belongs into a header as a {@link Secret}.
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
   * agree is an UnexpectedResponseError. A type says nothing where one of the two is `application/octet-stream`; `image/*`
   * stands for all of its kind. The content must be read or the iterator ended, or its connection stays open.
   */
  download(
    url: string,
    request?: HttpRequest & { maxBytes?: number; expect?: { size?: number; contentType?: string } },
  ): Promise<Download>;
}
