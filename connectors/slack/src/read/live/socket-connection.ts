import { setTimeout as sleep } from "node:timers/promises";
import { type Json, type Secret, UnavailableError, UnexpectedResponseError } from "@hansard/core";
import type { SocketModeClient } from "@slack/socket-mode";
import { z } from "zod";
import { Raw, silent, type SlackApi } from "./api.ts";
import { toHansardError } from "./api-errors.ts";

/** Something that Slack has told, and tells again until it is acknowledged. */
export interface Envelope {
  event: Json;
  acknowledge(): Promise<void>;
}

export interface Socket extends AsyncDisposable {
  /** Waits for events. Gives none when the deadline has come or the run ends. */
  receive(deadlineMs: number): Promise<Envelope[]>;
}

export interface SocketOptions {
  appToken: Secret;
  apiUrl: string;
  fetch: SlackApi["fetch"];
  signal: AbortSignal;
}

const ENVELOPES_AT_ONCE = 500;
const RECONNECT_MS = 250;
const START_MS = 30_000;
const Told = z.object({
  type: z.string(),
  body: z.object({ event: Raw }).optional().catch(undefined),
  ack: z.custom<() => Promise<void>>((value) => typeof value === "function"),
});

/** Connects, and connects again whenever Slack ends the connection, which it does every few hours. */
export async function openSocket(options: SocketOptions): Promise<Socket> {
  const waiting: Envelope[] = [];
  const events = new EventTarget();
  let client = await connect(options, take);
  const closing = new AbortController();
  const running = keepConnected();

  function take(envelope: Envelope): void {
    waiting.push(envelope);
    events.dispatchEvent(new Event("change"));
  }

  async function keepConnected(): Promise<unknown> {
    try {
      while (!closing.signal.aborted) {
        await client.ended;
        if (closing.signal.aborted) break;
        await sleep(RECONNECT_MS, undefined, { signal: options.signal });
        client = await connect(options, take);
      }
      await client.close();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      events.dispatchEvent(new Event("change"));
    }
  }

  async function receive(deadlineMs: number): Promise<Envelope[]> {
    if (waiting.length === 0) await untilChange(events, deadlineMs, options.signal);
    if (waiting.length > 0) return waiting.splice(0, ENVELOPES_AT_ONCE);
    const failure = await Promise.race([running, undefined]);
    if (failure !== undefined && !options.signal.aborted) throw failure;
    return [];
  }

  async function close(): Promise<void> {
    closing.abort();
    await client.close();
    // It may just have connected anew.
    await running;
  }

  return { receive, [Symbol.asyncDispose]: close };
}

function untilChange(events: EventTarget, deadlineMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, Math.max(0, deadlineMs - performance.now()));
    events.addEventListener("change", end, { once: true });
    signal.addEventListener("abort", end, { once: true });

    function end(): void {
      clearTimeout(timer);
      events.removeEventListener("change", end);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}

interface Connection {
  ended: Promise<void>;
  close(): Promise<void>;
}

async function connect(options: SocketOptions, take: (envelope: Envelope) => void): Promise<Connection> {
  const { SocketModeClient: Client } = await import("@slack/socket-mode");
  const client = new Client({
    appToken: options.appToken.reveal(),
    // Slack's client loses the errors of its own reconnecting.
    autoReconnectEnabled: false,
    logger: silent,
    clientOptions: {
      slackApiUrl: options.apiUrl,
      allowAbsoluteUrls: false,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      fetch: options.fetch,
    },
  });
  client.on("authenticated", ({ url }: { url?: unknown }) => refuseElsewhere(String(url), options.apiUrl));
  client.on("slack_event", (told: unknown) => void receiveOne(told, take));
  const ended = new Promise<void>((resolve) => client.once("disconnected", () => resolve()));
  await start(client, options.signal);
  return { ended, close: () => client.disconnect().then(() => undefined) };
}

async function start(client: SocketModeClient, signal: AbortSignal): Promise<void> {
  const started = new AbortController();
  try {
    await Promise.race([client.start(), failAfter(START_MS, AbortSignal.any([signal, started.signal]))]);
  } catch (error) {
    void client.disconnect();
    signal.throwIfAborted();
    throw toHansardError(error ?? new Error("the connection was closed"), "apps.connections.open");
  } finally {
    started.abort();
  }
}

async function failAfter(timeoutMs: number, signal: AbortSignal): Promise<never> {
  await sleep(timeoutMs, undefined, { signal });
  throw new UnavailableError(`Slack did not greet a new connection within ${timeoutMs} ms.`);
}

async function receiveOne(told: unknown, take: (envelope: Envelope) => void): Promise<void> {
  const { type, body, ack } = Told.parse(told);
  // A connection that has ended meanwhile takes no acknowledgement: Slack tells it again, and the journal knows it.
  const acknowledge = () => ack().catch(() => undefined);
  if (type === "events_api" && body) take({ event: body.event, acknowledge });
  else await acknowledge();
}

/** Where to connect comes out of an answer. */
function refuseElsewhere(url: string, apiUrl: string): void {
  const target = URL.parse(url);
  const isSlack = target?.protocol === "wss:" && /(^|\.)slack\.com$/.test(target.hostname);
  if (isSlack || target?.host === new URL(apiUrl).host) return;
  throw new UnexpectedResponseError(`Slack names ${target?.host ?? "no host"} for Socket Mode, which is not Slack.`, {
    remedy: "If a gateway stands in front of Slack, let it serve Socket Mode under the address of apiUrl.",
  });
}
