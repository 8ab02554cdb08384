import type { Gap } from "@hansard/core";
import { z } from "zod";

/** Which files must come on which days, so that one that does not is noticed. */
export const ScheduleSettings = z.strictObject({
  days: z
    .array(z.enum(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]))
    .default(["monday", "tuesday", "wednesday", "thursday", "friday"])
    .describe("The days that a file must cover."),
  since: z.iso.date().describe("The first day that must be covered."),
  lateAfterHours: z.number().min(0).default(36).describe("How long after the end of a day (UTC) its files are late."),
  holidays: z.array(z.iso.date()).default([]).describe("Days on which no file is made."),
});
export type ScheduleSettings = z.output<typeof ScheduleSettings>;

const NAMES = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
const DAY_MS = 86_400_000;

/** The days, as `YYYY-MM-DD`, whose files must be there by `now`. */
export function dueDays({ days, since, lateAfterHours, holidays }: ScheduleSettings, now: Date): string[] {
  const due: string[] = [];
  for (
    let day = Date.parse(`${since}T00:00:00Z`);
    day + DAY_MS + lateAfterHours * 3_600_000 <= now.getTime();
    day += DAY_MS
  ) {
    const date = new Date(day);
    const name = NAMES[date.getUTCDay()];
    const text = date.toISOString().slice(0, 10);
    if (name && days.includes(name) && !holidays.includes(text)) due.push(text);
  }
  return due;
}

/** The gap of a day whose file never came. */
export function missingDayGap(day: string, what: string): Gap {
  return {
    id: `day:${day}:${what}`,
    reason: `No ${what} file for ${day} has come.`,
    remedy: "Ask the source for the day's files, or name the day in `expect.holidays` if none was made.",
    events: 1,
  };
}
