/** The time that something outside may take. */
export interface Deadline {
  /** Aborted when the time is up or the run ends. */
  signal: AbortSignal;
  /** Whether the time is up. False where the run has ended. */
  expired(): boolean;
  /** Counts anew. */
  restart(timeoutMs: number): void;
  /** Counts no more. The run's end still aborts. */
  pause(): void;
  /** Lets go of the run's signal. */
  end(): void;
}

export function openDeadline(run: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  let timer: NodeJS.Timeout | undefined;

  function restart(durationMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(expire, Math.max(durationMs, 0));
  }

  function expire(): void {
    expired = true;
    controller.abort(new Error("The time is up."));
  }

  function follow(): void {
    controller.abort(run.reason);
  }

  function end(): void {
    clearTimeout(timer);
    run.removeEventListener("abort", follow);
  }

  run.addEventListener("abort", follow, { once: true });
  restart(timeoutMs);
  return { signal: controller.signal, expired: () => expired, restart, pause: () => clearTimeout(timer), end };
}
