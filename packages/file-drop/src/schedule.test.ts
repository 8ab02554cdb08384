import { expect, test } from "vitest";
import { dueDays, ScheduleSettings } from "./schedule.ts";

test("a day is due when its files are late, and not before", () => {
  const schedule = ScheduleSettings.parse({ since: "2026-03-12", lateAfterHours: 12 });
  expect(dueDays(schedule, new Date("2026-03-13T11:59:59Z"))).toEqual([]);
  expect(dueDays(schedule, new Date("2026-03-13T12:00:00Z"))).toEqual(["2026-03-12"]);
});

test("weekends and holidays are not due unless they are asked for", () => {
  const schedule = ScheduleSettings.parse({ since: "2026-03-12", lateAfterHours: 0, holidays: ["2026-03-16"] });
  expect(dueDays(schedule, new Date("2026-03-18T00:00:00Z"))).toEqual(["2026-03-12", "2026-03-13", "2026-03-17"]);
});
