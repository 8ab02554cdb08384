import { type CapturedEvent, isHansardError, type MessageDraft } from "@hansard/core";
import { expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import {
  createActivity,
  createOrganization,
  createRandom,
  startSalesforce,
  type Variant,
} from "../../tooling/servers/salesforce/index.ts";
import { events } from "./src/map.ts";
import { archivedFacts, doubledFacts } from "./testing/facts.ts";
import { readToEnd } from "./testing/harness.ts";
import { APP, jwtSettings } from "./testing/salesforce.ts";

const SEEDS = Number(process.env["HANSARD_SEEDS"] ?? 100);
const FIRST = Number(process.env["HANSARD_FIRST_SEED"] ?? 1);
const MINUTE_MS = 60_000;
const PARTITIONS = ["feed", "comments", "messages", "groups"];
const FAULTS = { unavailable: 0.015, cut: 0.01, cutBody: 0.01, busy: 0.005, lostCursor: 0.02 };

test(
  `what is archived equals what happened, event for event, for ${SEEDS} seeds`,
  { timeout: 60_000 + SEEDS * 1000 },
  async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) await prove(seed);
  },
);

async function prove(seed: number): Promise<void> {
  const random = createRandom(seed);
  const variant: Variant = {
    feedClock: random.pick(["SystemModstamp", "LastModifiedDate", "CreatedDate"]),
    commentModstampSortable: random.chance(0.3),
    editDateFilterable: random.chance(0.8),
    softDeletes: random.chance(0.4),
    cascadeLogged: random.chance(0.6),
  };
  const organization = createOrganization(random, variant, new Date("2026-03-02T08:00:00Z"));
  const activity = createActivity(organization);
  const pageSizes = random.pick([[1, 3, 7, 20], [5, 20, 2000], [2000]]);
  const busyness = random.pick([0, 0.03, 0.1]);
  const server = await startSalesforce({
    organization,
    app: APP,
    faults: random.chance(0.7) ? FAULTS : {},
    pageSize: () => random.pick(pageSizes),
    tokenRequests: () => random.between(20, 200),
    beforeAnswer() {
      organization.advance(random.between(0, 20) * 1000);
      if (random.chance(busyness)) activity.happen();
    },
  });
  const everyRun = random.chance(0.5);
  const settings = jwtSettings(server.url, { sweepHours: everyRun ? 1 : 24 });
  const journal = new MemoryJournal();
  const crashes = random.pick([0, 0.03, 0.1]);

  async function readAll(swept: boolean, calm = false): Promise<void> {
    const reading = activity.readBegins();
    const crash = () => (!calm && random.chance(crashes) ? random.pick(["before", "after"] as const) : undefined);
    for (const partition of PARTITIONS.toSorted(() => random.next() - 0.5))
      await readToEnd(journal, partition, { settings, now: organization.now, crash });
    reading.ends(swept);
  }

  try {
    for (let count = random.between(6, 20); count > 0; count -= 1) work(1);
    for (let round = 0; round < 2; round += 1) {
      await readAll(everyRun || round === 0);
      organization.advance(random.between(61, 150) * MINUTE_MS);
      work(random.between(2, 12));
      for (let count = random.between(0, 2); count > 0; count -= 1) activity.happenBetweenReads();
    }
    // Nothing more happens, and what is under way becomes visible.
    const { requests } = server;
    activity.rest();
    organization.advance(25 * MINUTE_MS);
    await readAll(everyRun);
    const early = archivedFacts(journal);
    const walked = [...organization.truth.facts].filter(([, found]) => found === "walk").map(([text]) => text);
    expect(
      walked.filter((text) => !early.has(text)),
      `seed ${seed}: before the last sweep`,
    ).toEqual([]);
    for (const hours of [26, 8]) {
      organization.advance(hours * 60 * MINUTE_MS);
      await readAll(true);
    }
    const archived = archivedFacts(journal);
    const happened = new Set(organization.truth.facts.keys());
    expect(
      [...happened].filter((text) => !archived.has(text)),
      `seed ${seed}: missing`,
    ).toEqual([]);
    expect(
      [...archived].filter((text) => !happened.has(text)),
      `seed ${seed}: never happened`,
    ).toEqual([]);
    expect(doubledFacts(journal), `seed ${seed}: archived twice`).toEqual([]);
    expect(requests.length).toBeGreaterThan(10);
    for (const event of journal.capturedEvents()) proveMapped(event, seed);
  } finally {
    await server.close();
  }

  function work(count: number): void {
    for (let done = 0; done < count; done += 1) {
      if (random.chance(0.6)) organization.advance(random.between(0, 90) * 1000);
      activity.happen();
    }
  }
}

function proveMapped(event: CapturedEvent, seed: number): void {
  const map = (events as Record<string, (event: CapturedEvent) => MessageDraft>)[event.type];
  expect(map, `seed ${seed}: ${event.type}`).toBeDefined();
  const message = map?.(event);
  expect(message?.to.length, `seed ${seed}: ${event.key}`).toBeGreaterThan(0);
  expect(message?.from.id && message.date).toBeTruthy();
  const data = event.data as { item?: { Body?: string; IsRichText?: boolean }; original?: { Body?: string } };
  const body = data.original?.Body ?? data.item?.Body;
  if (event.type === "Post" && body && !data.item?.IsRichText)
    expect(message?.text, `seed ${seed}: ${event.key}`).toContain(body);
}

test("an error that does not pass is not repeated", async () => {
  const organization = createOrganization(
    createRandom(1),
    {
      feedClock: "CreatedDate",
      commentModstampSortable: false,
      editDateFilterable: true,
      softDeletes: false,
      cascadeLogged: true,
    },
    new Date(),
  );
  createActivity(organization);
  const server = await startSalesforce({ organization, app: { ...APP, audience: "https://test.salesforce.com" } });
  try {
    await expect(
      readToEnd(new MemoryJournal(), "feed", { settings: jwtSettings(server.url), now: organization.now }),
    ).rejects.toSatisfy((error) => isHansardError(error, "authentication"));
  } finally {
    await server.close();
  }
});
