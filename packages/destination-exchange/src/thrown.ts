import { AuthenticationError, type HansardError, RateLimitedError, UnavailableError } from "@hansard/core";
import type { ExchangeFailure } from "./failure.ts";

/** The error that says to the runner what it is to do, where nothing can be said of single deliveries. */
export function thrown(failure: ExchangeFailure): HansardError {
  const { disposition, message, remedy, backOffMs } = failure;
  if (disposition === "misconfigured") return new AuthenticationError(message, { remedy, cause: failure });
  if (backOffMs !== undefined)
    return new RateLimitedError(message, { retryAt: new Date(Date.now() + backOffMs), cause: failure });
  return new UnavailableError(message, { cause: failure });
}
