import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { countByType, runSource } from "../journal.test.support.ts";
import { events } from "../map.ts";

const EXPORT = join(import.meta.dirname, "../../../../../shared/data/slack-community-export.zip");
const missing = !existsSync(EXPORT);
if (missing) console.warn(`Skipped: the real export is not at ${EXPORT}.`);

describe.skipIf(missing)("a real workspace export of 1,382 messages and 3 entries in the log of integrations", () => {
  test("is captured whole, by type, and the books balance", async () => {
    const journal = await runSource({ settings: { export: EXPORT } });
    expect(countByType(journal)).toEqual({
      Message: 964, Join: 320, FileShare: 61, Purpose: 13, Archive: 9, FileComment: 6, Integration: 3, Leave: 3, Topic: 2,
      Rename: 2, Pin: 1, BotAdd: 1,
    }); // prettier-ignore
    expect(journal.unaccounted()).toEqual({});
    expect([...journal.claims.values()].reduce((sum, { events }) => sum + events, 0)).toBe(1385);
    expect(journal.claims.size).toBe(376);
  });

  test("gives nothing new when read again", async () => {
    const journal = await runSource({ settings: { export: EXPORT } });
    const { pages } = journal;
    await runSource({ settings: { export: EXPORT }, journal });
    expect(journal.pages).toBe(pages);
  });

  test("names every file that cannot be had, in a gap and in the message", async () => {
    const journal = await runSource({ settings: { export: EXPORT } });
    const shares = journal.capturedEvents().filter(({ type }) => type === "FileShare");
    expect([...journal.gaps.values()].filter(({ events }) => events === 0)).toHaveLength(61);
    for (const event of shares) expect(events.FileShare(event).notes).toHaveLength(1);
    expect(JSON.stringify([...journal.gaps])).not.toContain("xoxe-");
  });

  test("becomes messages with a sender, recipients and a subject of one line", async () => {
    const journal = await runSource({ settings: { export: EXPORT } });
    for (const event of journal.capturedEvents()) {
      const draft = events[event.type as keyof typeof events](event);
      expect(draft.from.id).not.toBe("");
      expect(draft.to.length).toBeGreaterThan(0);
      expect(draft.to.some(({ id }) => id === draft.from.id)).toBe(false);
      expect(draft.subject).toMatch(/^.{1,120}$/u);
      expect(draft.text.trim()).not.toBe("");
    }
    const addresses = new Set(
      journal
        .capturedEvents()
        .map((event) => events[event.type as keyof typeof events](event).from.address?.split("@")[1]),
    );
    expect(addresses).toContain("contoso.example");
  });

  test("gives the same events after a stop at any page", async () => {
    const whole = await runSource({ settings: { export: EXPORT } });
    for (let pages = 1; pages < whole.pages; pages += 1) {
      const journal = new MemoryJournal();
      await runSource({ settings: { export: EXPORT }, journal, stopAfterPages: pages });
      await runSource({ settings: { export: EXPORT }, journal });
      expect([...journal.events.keys()].sort()).toEqual([...whole.events.keys()].sort());
      expect(journal.unaccounted()).toEqual({});
    }
  });
});
