import type { Logger } from "../connector.ts";
import type { Secret } from "../secret.ts";
import { readBody } from "./body.ts";
import { toCall } from "./call.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import type { Deadline } from "./deadline.ts";
import { openDownload } from "./download.ts";
import type { Call, Response } from "./exchange.ts";
import { parseHosts } from "./host-policy.ts";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http-client.ts";
import { parseJson } from "./parse-json.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import { createSender } from "./sender.ts";

const MEGABYTE = 1024 * 1024;

export interface HttpClientOptions extends ConnectionOptions {
  /** The hosts that the connector declares: `slack.com`, `*.slack.com`, `mail.example:8443`. Without a port: the scheme's own. */
  hosts: string[];
  /** Those among them that the operator's own settings name. They may have private addresses and speak plain HTTP. */
  allowPrivate?: string[];
  /** Ends every request and wait. They reject with its reason. */
  signal: AbortSignal;
  log: Logger;
  /** Such as `Hansard/1.0 (slack)`. */
  userAgent: string;
  /** What no error and no log line may show, besides the credentials in headers: the secrets of the source's settings. */
  secrets?: Secret[];
  /** Shares buckets with other clients of the same source. Absent: the client has its own. */
  limiter?: RateLimiter;
  /** How often a request is sent again at most. Absent: 4. */
  maxRetries?: number;
  /** The longest wait that the source may ask for without ending the request. Absent: 60,000. */
  maxWaitMs?: number;
  /** The wait before the second try; it doubles from there. Absent: 500. */
  backoffMs?: number;
  /** The largest body of `request` and `json`, compressed or not. Absent: 64 MB. */
  maxBodyBytes?: number;
  /** The largest download where the request names no `maxBytes`. Absent: 4 GB. */
  maxDownloadBytes?: number;
  /** How long a download without `timeoutMs` may stand still. Absent: 30,000. */
  stallMs?: number;
  /** The wall clock. Absent: the system's. */
  now?: () => number;
  random?: () => number;
}

/** A client that a runner opens for one source and closes after the run. */
export interface OpenHttpClient extends HttpClient {
  close(): Promise<void>;
}

/** Opens a client. What it does and refuses stands at {@link HttpClient}. Nothing is loaded or connected before the first request. */
export function createHttpClient(options: HttpClientOptions): OpenHttpClient {
  const { signal, maxBodyBytes = 64 * MEGABYTE, maxDownloadBytes = 4096 * MEGABYTE } = options;
  const hosts = { declared: parseHosts(options.hosts), allowPrivate: parseHosts(options.allowPrivate ?? []) };
  const connection = openConnection(options);
  const send = createSender(options, connection, hosts);

  async function request(url: string, request: HttpRequest = {}): Promise<HttpAnswer> {
    return send(toCall(url, request, { ...options, acceptEncoding: "gzip, br" }), request, readAnswer);
  }

  const json: HttpClient["json"] = async (url, schema, request = {}) => {
    const call = toCall(url, request, { ...options, accept: "application/json", acceptEncoding: "gzip, br" });
    return parseJson(await send(call, request, readAnswer), schema, url, call.wording);
  };

  const download: HttpClient["download"] = async (url, request = {}) => {
    const { maxBytes = maxDownloadBytes, expect, timeoutMs } = request;
    const limits = { maxBytes, expect, deadlineHolds: timeoutMs !== undefined, stallMs: options.stallMs };
    const call = toCall(url, request, { ...options, acceptEncoding: "identity" });
    return send(call, request, (response, deadline) => openDownload(call, response, deadline, limits));
  };

  async function readAnswer(response: Response, deadline: Deadline, { wording }: Call): Promise<HttpAnswer> {
    const body = await readBody(response, maxBodyBytes, wording);
    deadline.end();
    return { status: response.status, headers: response.headers, body };
  }

  async function close(): Promise<void> {
    signal.removeEventListener("abort", close);
    await connection.close();
  }

  signal.addEventListener("abort", close, { once: true });
  return { request, json, download, close };
}
