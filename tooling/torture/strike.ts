import type { Ended } from "./run-child.ts";
import type { Scenario } from "./scenarios.ts";

/** What happens at a call: the process is killed or stopped before it, it fails, or it writes only some of its bytes and says so. */
export type Act = "kill" | "stop" | "EIO" | "ENOSPC" | "half" | "byte";

/** The n-th call (from 1) of a thread, of those that the act can strike. */
export interface Point {
  thread: string;
  call: number;
}

export interface Struck extends Ended {
  /** Whether the point was reached at all. */
  struck: boolean;
}

/** A way to strike a process at one of the calls by which it changes what is on disk. */
export interface Striker {
  /** What this one cannot do. */
  lacks: readonly Act[];
  /** How many calls each thread of the program makes that the act can strike. */
  count(run: Run, act: Act): Promise<Map<string, number>>;
  strike(run: Run, act: Act, point: Point): Promise<Struck>;
}

export interface Run {
  bundle: string;
  folder: string;
  scenario: Scenario;
}
