/**
 * Errors are named by what the runner does next. They are told apart by a marker and not by `instanceof`, since a
 * connector may carry its own copy of this package.
 */
const MARKER = Symbol.for("hansard.error");

/** What the runner does when it meets the error. */
export type ErrorKind =
  | "settings"
  | "authentication"
  | "rate-limited"
  | "unavailable"
  | "unexpected-response"
  | "unmappable-event";

/** How much of the source an error concerns: one event, one partition, or all of it. */
export type ErrorScope = { event: string } | { partition: string } | "source";

export interface ErrorDetails {
  /** What the operator can do about it, as a sentence. */
  remedy?: string;
  scope?: ErrorScope;
  /** The connector's or destination's id. The runner fills it in where it is absent. */
  connector?: string;
  cause?: unknown;
}

/** The base of every error that Hansard acts upon. Throw one of its named kinds, never this. */
export class HansardError extends Error {
  readonly [MARKER] = true;
  readonly kind: ErrorKind;
  readonly scope: ErrorScope;
  readonly remedy: string | undefined;
  connector: string | undefined;

  constructor(kind: ErrorKind, message: string, { remedy, scope = "source", connector, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.kind = kind;
    this.scope = scope;
    this.remedy = remedy;
    this.connector = connector;
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The configuration is wrong. The run does not start. */
export class SettingsError extends HansardError {
  constructor(message: string, details?: ErrorDetails) {
    super("settings", message, details);
  }
}

/** The source refuses the credentials. The runner stops this source and tells the operator. */
export class AuthenticationError extends HansardError {
  constructor(message: string, details?: ErrorDetails) {
    super("authentication", message, details);
  }
}

/** The source asks for patience. The runner waits until `retryAt` and goes on from the last checkpoint. */
export class RateLimitedError extends HansardError {
  readonly retryAt: Date;

  constructor(message: string, { retryAt, ...details }: ErrorDetails & { retryAt: Date }) {
    super("rate-limited", message, details);
    this.retryAt = retryAt;
  }
}

/** The source cannot be reached or is failing. The runner backs off and tries again. */
export class UnavailableError extends HansardError {
  constructor(message: string, details?: ErrorDetails) {
    super("unavailable", message, details);
  }
}

/** The source answered something that the connector does not know. The runner stops this partition and holds its checkpoint. */
export class UnexpectedResponseError extends HansardError {
  constructor(message: string, details?: ErrorDetails) {
    super("unexpected-response", message, details);
  }
}

/** One event cannot become a message. The runner puts it into quarantine with its raw data and goes on. */
export class UnmappableEventError extends HansardError {
  constructor(message: string, details?: ErrorDetails) {
    super("unmappable-event", message, details);
  }
}

/** Whether `error` is one of Hansard's, of the given kind where one is given, whichever copy of this package made it. */
export function isHansardError(error: unknown, kind?: ErrorKind): error is HansardError {
  if (typeof error !== "object" || error === null || !(MARKER in error)) return false;
  return kind === undefined || ("kind" in error && error.kind === kind);
}
