import { type HttpClient, Secret, type SourceContext, UnexpectedResponseError } from "@hansard/core";
import { z } from "zod";
import type { Json } from "@hansard/core";
import type { LiveSettings } from "../../schema.ts";
import { toHansardError } from "./api-errors.ts";
import { type Pace, paceOf } from "./limits.ts";

export type Arguments = Record<string, string | number | boolean | undefined>;

/** Slack's methods, with the transport, the limits and the errors of Hansard. */
export interface SlackApi {
  /** Asks a method that only reads. */
  call<Schema extends z.ZodType>(method: string, args: Arguments, schema: Schema): Promise<z.output<Schema>>;
  /** The time by Slack's own clock when it last answered; before the first answer, when the run started. */
  readonly clock: Date;
  /** How requests reach Slack, for its other clients. */
  readonly fetch: (url: string | URL, request?: TransportRequest) => Promise<Response>;
  /** What a request for a file bears. */
  readonly authorization: Secret;
}

/** JSON of any shape, as the parser gave it. */
export const Raw = z.custom<Json>((value) => value !== undefined);

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** What Slack says of itself is not for our log: it names requests. */
export const silent = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => "error" as never,
  setName() {},
};

/** Opens Slack's own client on Hansard's transport. It is loaded here and not before: exports need none of it. */
export async function openSlackApi(
  context: Pick<SourceContext<LiveSettings>, "settings" | "http" | "signal" | "startedAt">,
): Promise<SlackApi> {
  const { settings, http, signal, startedAt } = context;
  const { WebClient } = await import("@slack/web-api");
  const pace = paceOf(settings);
  const transport = createTransport(http, pace, signal);
  const client = new WebClient(settings.token.reveal(), {
    slackApiUrl: settings.apiUrl,
    allowAbsoluteUrls: false,
    // Trying again and waiting are the transport's business, which knows how long the run may last.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    maxRequestConcurrency: 1000,
    logger: silent,
    fetch: transport.fetch,
  });

  async function call<Schema extends z.ZodType>(
    method: string,
    args: Arguments,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    signal.throwIfAborted();
    const answer = await client.apiCall(method, args).catch((error: unknown) => {
      signal.throwIfAborted();
      throw toHansardError(error, method);
    });
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new UnexpectedResponseError(
      `Slack's answer to ${method} is not as expected: ${z.prettifyError(parsed.error)}`,
      {
        remedy: "Look for a newer version of the connector, or report the message.",
      },
    );
  }

  return {
    call,
    get clock() {
      return new Date(transport.lastAnswerMs ?? startedAt.getTime());
    },
    fetch: transport.fetch,
    authorization: new Secret(`Bearer ${settings.token.reveal()}`),
  };
}

interface TransportRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | FormData;
}

/** The part of `fetch` that Slack's client uses, on the connector's own HTTP client: its hosts, limits, retries and redaction hold. */
function createTransport(http: HttpClient, pace: Pace, signal: AbortSignal) {
  const transport = { lastAnswerMs: undefined as number | undefined, fetch: send };

  async function send(url: string | URL, { headers = {}, body }: TransportRequest = {}): Promise<Response> {
    const method = String(url).slice(String(url).lastIndexOf("/") + 1);
    const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization")?.[1];
    const leave = await pace.enter(signal);
    const asked = http.request(String(url), {
      method: "POST",
      idempotent: true,
      body: new URLSearchParams(typeof body === "string" ? body : ""),
      bucket: pace.bucketOf(method),
      ...(authorization !== undefined && { headers: { authorization: new Secret(authorization) } }),
    });
    const answer = await asked.finally(leave);
    const answeredMs = Date.parse(answer.headers.get("date") ?? "");
    if (answeredMs > (transport.lastAnswerMs ?? 0)) transport.lastAnswerMs = answeredMs;
    // Slack's client would take a page to sign in for a refusal.
    if (answer.body.at(0) !== OPENING_BRACE || answer.body.at(-1) !== CLOSING_BRACE) {
      throw new UnexpectedResponseError(`Slack's answer to ${method} is no whole JSON.`, {
        remedy: "Check that apiUrl leads to Slack, and not to a page to sign in to a gateway.",
      });
    }
    return new Response(new Uint8Array(answer.body), { headers: { "content-type": "application/json" } });
  }

  return transport;
}
