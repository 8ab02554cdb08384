import type { FaultPlace } from "../faults.ts";
import { type Answer, NoAnswer } from "../server-http.ts";
import type { ServerContext } from "../server.ts";
import { EwsError, EwsFault } from "./fault.ts";

const HOLD_MS = 120_000;

/** An answer that is no SOAP at all. */
export class BareHttp extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`HTTP ${answer.status}`);
    this.answer = answer;
  }
}

/** Lets the faults that are switched on strike, before the work and after it. */
export async function withFaults(
  { faults }: ServerContext,
  place: FaultPlace,
  work: (visibleAt: Date | undefined, failing: EwsError | undefined) => Promise<Answer>,
): Promise<Answer> {
  const throttled = faults.strike("throttled", place);
  if (throttled) throw busy({ BackOffMilliseconds: String(throttled.ms ?? 1000) });
  const bare = faults.strike("throttled-without-body", place);
  if (bare)
    throw new BareHttp({
      status: 503,
      headers: { "retry-after": String(Math.ceil((bare.ms ?? 1000) / 1000)) },
      body: "",
    });
  if (faults.strike("throttled-without-retry-after", place))
    throw busy({ Policy: "MaxConcurrency", MaxConcurrencyLimit: "27" });
  if (faults.strike("unavailable", place))
    throw new EwsFault("ErrorMailboxStoreUnavailable", "The mailbox database is temporarily unavailable.");
  if (faults.strike("unavailable-without-body", place)) throw new BareHttp({ status: 503, body: "" });
  if (faults.strike("reset-before-commit", place)) throw new NoAnswer("reset");
  const silent = faults.strike("timeout-before-commit", place);
  if (silent) return silence(silent.ms);
  if (faults.strike("mailbox-moving", place)) {
    return work(undefined, new EwsError("ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later."));
  }
  const lag = place.isWrite ? faults.strike("search-lag", place) : undefined;
  const visibleAt = lag && new Date(Date.now() + (lag.ms ?? 1000));
  const late = place.isWrite ? faults.strike("late-commit", place) : undefined;
  if (late) {
    setTimeout(() => void work(visibleAt, undefined).catch(() => undefined), late.ms ?? 1000).unref();
    throw new BareHttp({ status: 504, body: "" });
  }
  const answer = await work(visibleAt, undefined);
  if (faults.strike("reset-after-commit", place)) throw new NoAnswer("reset");
  const lost = faults.strike("timeout-after-commit", place);
  return lost ? silence(lost.ms) : answer;
}

function busy(values: Record<string, string>): EwsFault {
  return new EwsFault("ErrorServerBusy", "The server cannot service this request right now. Try again later.", values);
}

/** Says nothing until the client has given up, and then tears the connection. */
function silence(ms = HOLD_MS): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new NoAnswer("reset")), ms).unref());
}
