import { join } from "node:path";
import { expect, test } from "vitest";
import { countByType, runSource } from "../journal.test.support.ts";
import { events } from "../map.ts";
import type { EventType } from "./event-type.ts";

const SAMPLE = join(import.meta.dirname, "../../../../samples/slack-export");

test("the sample shows what Slack has, and all of it is archived", async () => {
  const journal = await runSource({ settings: { export: SAMPLE } });
  expect(countByType(journal)).toEqual({
    Message: 67, Reply: 19, Bot: 6, FileShare: 4, Leave: 3, Broadcast: 2, Join: 2, BotAdd: 1, Canvas: 1, Huddle: 1, Me: 1,
    Pin: 1, Purpose: 1, Reminder: 1, Rename: 1, Tombstone: 1, Topic: 1,
  }); // prettier-ignore
  expect(journal.unaccounted()).toEqual({});
  const drafts = journal.capturedEvents().map((event) => events[event.type as EventType](event));
  const senders = new Set(drafts.map(({ from }) => from.name));
  expect(senders).toContain("Greta Lindqvist (deactivated)");
  expect(senders).toContain("Olga Marek");
  // The recording is generated when the sample is made into a zip; the manual is hidden by Slack.
  const missing = [...journal.gaps.values()].map(({ reason }) => /F01\w+/.exec(reason)?.[0]);
  expect(new Set(missing)).toEqual(new Set(["F01OLDMANUA", "F01PLANERWV"]));
});

test("those who joined later or left earlier are not among the recipients of the sample", async () => {
  const journal = await runSource({ settings: { export: SAMPLE } });
  const recipients = (text: string): string[] => {
    const event = journal.capturedEvents().find(({ data }) => JSON.stringify(data).includes(text));
    return event ? events[event.type as EventType](event).to.map(({ id }) => id) : [];
  };
  expect(recipients("Lunch at the usual place")).not.toContain("U01IVO00009");
  expect(recipients("Where do I find the safety glasses")).toContain("U01GRETA007");
  expect(recipients("The smoking chamber runs")).not.toContain("U01GRETA007");
  expect(recipients("The smoking chamber runs")).toContain("U01IVO00009");
});
