import {
  AuthenticationError,
  type ErrorDetails,
  type HansardError,
  RateLimitedError,
  UnavailableError,
  UnexpectedResponseError,
} from "@hansard/core";
import { ApiPartialResponseError, ApiRequestError, ApiResponseError } from "twitter-api-v2";
import { z } from "zod";

const Refusal = z.looseObject({
  title: z.string().optional(),
  detail: z.string().optional(),
  type: z.string().optional(),
  error: z.string().optional(),
  errors: z
    .array(
      z.looseObject({
        message: z.string().optional(),
        parameters: z.record(z.string(), z.array(z.string())).optional(),
      }),
    )
    .optional(),
});

/** From here on a difference between the clocks is told. */
export const SKEW_MS = 2 * 60_000;
const PAUSE_MS = 15 * 60_000;

/** A 400 that names the parameters which X does not take. */
export class RefusedParameterError extends UnexpectedResponseError {
  readonly parameters: string[];

  constructor(message: string, { parameters, ...details }: ErrorDetails & { parameters: string[] }) {
    super(message, details);
    this.parameters = parameters;
  }
}

/** A 404: X has nothing at this address, or not for this app. */
export class AbsentError extends UnexpectedResponseError {}

/**
 * What Hansard does about an error of the SDK. The original is not kept as the cause: it holds the whole request,
 * the credentials included.
 */
export function toHansardError(error: unknown, place: string, partition?: string): HansardError {
  const details: ErrorDetails = partition === undefined ? {} : { scope: { partition } };
  if (error instanceof ApiRequestError) {
    return new UnavailableError(`X did not answer ${place}: ${transportFault(error).message}.`, details);
  }
  if (error instanceof ApiPartialResponseError) {
    return new UnavailableError(`X's answer to ${place} broke off.`, details);
  }
  if (error instanceof ApiResponseError) return fromStatus(error, place, details);
  throw error;
}

const Fault = z.object({ error: z.object({ message: z.string(), code: z.string().optional() }) });

/** Why nothing was answered. The SDK's own `requestError` is always undefined: it keeps the error under another name. */
export function transportFault(error: ApiRequestError): { message: string; code?: string | undefined } {
  return Fault.safeParse(Reflect.get(error, "_options")).data?.error ?? { message: "the connection failed" };
}

function fromStatus({ code, data, headers }: ApiResponseError, place: string, details: ErrorDetails): HansardError {
  const { said, type, parameters } = parseRefusal(data);
  const message = `X answered ${place} with status ${code}${said}.`;
  if (code === 401) return new AuthenticationError(message, { ...details, remedy: remedyOfRefusal(headers["date"]) });
  if (code === 402) {
    return new AuthenticationError(message, {
      ...details,
      remedy: "Buy credits for the app in X's developer console, then run again.",
    });
  }
  if (code === 403) {
    return new AuthenticationError(message, {
      ...details,
      remedy: "Grant the app the scopes that the README names, and use an account that may see what is to be archived.",
    });
  }
  if (code === 429)
    return new RateLimitedError(message, { ...details, retryAt: resetOf(headers["x-rate-limit-reset"], type) });
  if (code >= 500) return new UnavailableError(message, details);
  if (code === 400 && parameters.length > 0) return new RefusedParameterError(message, { ...details, parameters });
  const Unexpected = code === 404 ? AbsentError : UnexpectedResponseError;
  return new Unexpected(message, {
    ...details,
    remedy: "Check that the account still exists; if it does, report the message.",
  });
}

/** A signature with a wrong time is refused as wrong credentials are. */
function remedyOfRefusal(date: string | string[] | undefined): string {
  if (Math.abs(skewOf(date) ?? 0) < SKEW_MS) return "Give new credentials: these are not valid, or no longer.";
  return "Set this machine's clock, which differs from X's by minutes; if that does not help, give new credentials.";
}

/** How far X's clock is ahead of this machine's, by the date of an answer. */
export function skewOf(date: string | string[] | undefined): number | undefined {
  const time = typeof date === "string" ? Date.parse(date) : Number.NaN;
  return Number.isFinite(time) ? time - Date.now() : undefined;
}

function parseRefusal(data: unknown): { said: string; type: string; parameters: string[] } {
  const refusal = Refusal.safeParse(data).data ?? {};
  const sentences = [refusal.title, refusal.detail, ...(refusal.errors ?? []).map(({ message }) => message)];
  const said = [...new Set(sentences)]
    .filter(Boolean)
    .join("; ")
    .replace(/[.\s]+$/, "");
  return {
    said: said && ` (${said})`,
    type: refusal.type ?? "",
    parameters: (refusal.errors ?? []).flatMap(({ parameters }) => Object.keys(parameters ?? {})),
  };
}

/** X sends no Retry-After but the second of the reset; a used-up monthly cap has none. */
function resetOf(reset: string | string[] | undefined, type: string): Date {
  const seconds = Number(reset);
  if (type.endsWith("/usage-capped") || !Number.isFinite(seconds) || seconds <= 0)
    return new Date(Date.now() + PAUSE_MS);
  return new Date(seconds * 1000 + 1000);
}
