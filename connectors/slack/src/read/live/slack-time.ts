import type { Arguments } from "./api.ts";
import type { Window } from "./live-source.ts";

export const BEGINNING = "0000000000.000000";
const HOUR_MS = 3_600_000;

/** Milliseconds since 1970 as Slack writes times, such that they compare as text. */
export function asSlackTime(milliseconds: number): string {
  const whole = Math.max(0, Math.floor(milliseconds));
  return `${String(Math.floor(whole / 1000)).padStart(10, "0")}.${String(whole % 1000).padStart(3, "0")}000`;
}

export function millisecondsOf(ts: string): number {
  return Number(ts.slice(0, 10)) * 1000 + Number(ts.slice(11, 14).padEnd(3, "0"));
}

export function hoursBefore(ts: string, hours: number): string {
  return asSlackTime(millisecondsOf(ts) - hours * HOUR_MS);
}

/** Slack reads a time of 0 as none, and takes no padding. */
export function windowArguments({ oldest, latest }: Window): Arguments {
  return { latest, ...(oldest > BEGINNING && { oldest }) };
}
