import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Delivery, Outcome } from "@hansard/core/ingestion";
import { type Microsoft365Destination, openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { APPLICATION, SampleBlobs, sampleDelivery } from "./delivery.test.sample.ts";
import { quiet, settingsFor } from "./delivery.test.support.ts";
import { badRequest } from "./graph-error.ts";
import { NoAnswer } from "./server-http.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";
import { inFolder } from "./stored.test.support.ts";

// After a restart of the destination many deliveries are in doubt at once: looking for them must not take longer than writing.

const BOB = "bob@contoso.example";
const signal = new AbortController().signal;
let folder: string;
let server: IngestionServer;
let destination: Microsoft365Destination;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "look-up-"));
  server = await openIngestionServer({
    folder: join(folder, "server"),
    applications: [APPLICATION],
    mailboxes: [{ address: BOB }],
  });
  destination = await open(folder);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await destination.close();
  await server.close();
  await rm(folder, { recursive: true });
});

test("twenty that are there are found with a few requests", async () => {
  const deliveries = await forPurges(20);
  const receipts = (await destination.submit(deliveries, { signal })).map(itemIdOf);
  const requests = vi.spyOn(server.pace, "enter");
  const found = await destination.find(deliveries, { signal });
  expect(found.map((receipt) => receipt?.itemId)).toEqual(receipts);
  expect(requests.mock.calls.length).toBeLessThanOrEqual(4);
});

test("what lost answers left in the staging folder goes to Purges once, in a few requests more than there are messages", async () => {
  const deliveries = await forPurges(20);
  const requests = await leftInStaging(deliveries);
  expect(bobs("Hansard staging")).toHaveLength(20);
  const found = await destination.find(deliveries, { signal });
  expect(found.every((receipt) => receipt !== undefined)).toBe(true);
  expect(bobs("Purges").sort()).toEqual(deliveries.map(({ message }) => message.subject).sort());
  expect(bobs("Hansard staging")).toEqual([]);
  expect(requests()).toBeLessThanOrEqual(30);
});

test("what is nowhere is said to be nowhere", async () => {
  const deliveries = await forPurges(15);
  await destination.submit(deliveries.slice(0, 5), { signal });
  const found = await destination.find(deliveries, { signal });
  expect(found.map((receipt) => receipt !== undefined)).toEqual(deliveries.map((_, index) => index < 5));
});

test("what a lost batch asked is asked again, one by one", async () => {
  const deliveries = await forPurges(15);
  await destination.submit(deliveries.slice(0, 5), { signal });
  const findItems = server.store.findItems.bind(server.store);
  let lost = 0;
  vi.spyOn(server.store, "findItems").mockImplementation((search) => {
    if (search.filter === undefined || !("property" in search.filter) || lost > 0) return findItems(search);
    lost += 1;
    throw new NoAnswer("reset");
  });
  const found = await destination.find(deliveries, { signal });
  expect(found.map((receipt) => receipt !== undefined)).toEqual(deliveries.map((_, index) => index < 5));
  expect(lost).toBe(1);
});

test("a server that takes no filter of several Message-IDs is asked for them one by one", async () => {
  const deliveries = await forPurges(15);
  const receipts = (await destination.submit(deliveries, { signal })).map(itemIdOf);
  const findItems = server.store.findItems.bind(server.store);
  vi.spyOn(server.store, "findItems").mockImplementation((search) => {
    if (search.filter !== undefined && "or" in search.filter)
      throw badRequest("ErrorInvalidUrlQueryFilter", "The restriction is too complex.");
    return findItems(search);
  });
  const found = await destination.find(deliveries, { signal });
  expect(found.map((receipt) => receipt?.itemId)).toEqual(receipts);
});

test("a staging folder of more than a page is searched message by message", async () => {
  const deliveries = await forPurges(120);
  await leftInStaging(deliveries);
  const looked = deliveries.slice(0, 20);
  const found = await destination.find(looked, { signal });
  expect(found.every((receipt) => receipt !== undefined)).toBe(true);
  expect(bobs("Purges").sort()).toEqual(looked.map(({ message }) => message.subject).sort());
});

test("an answer that is lost while something is brought out leaves it neither there twice nor nowhere", async () => {
  const deliveries = await forPurges(8);
  await leftInStaging(deliveries);
  const purgeItem = server.store.purgeItem.bind(server.store);
  const purges = vi.spyOn(server.store, "purgeItem").mockImplementationOnce(async (item) => {
    await purgeItem(item);
    throw new NoAnswer("reset");
  });
  const found = await destination.find(deliveries, { signal });
  expect(found.every((receipt) => receipt !== undefined)).toBe(true);
  expect(purges).toHaveBeenCalled();
  expect(bobs("Purges").sort()).toEqual(deliveries.map(({ message }) => message.subject).sort());
});

test("what a list of the staging folder leaves out is asked for by name before it counts as absent", async () => {
  const deliveries = await forPurges(20);
  const requests = await leftInStaging(deliveries.slice(0, 12));
  server.faults.set("short-list", { rate: 1 });
  const found = await destination.find(deliveries, { signal });
  expect(found.map((receipt) => receipt !== undefined)).toEqual(deliveries.map((_, index) => index < 12));
  expect(bobs("Purges").sort()).toEqual(
    deliveries
      .slice(0, 12)
      .map(({ message }) => message.subject)
      .sort(),
  );
  expect(requests()).toBeLessThanOrEqual(26);
});

test("a page without items and with a link is not taken for the last", async () => {
  const deliveries = await forPurges(15);
  const receipts = (await destination.submit(deliveries, { signal })).map(itemIdOf);
  server.faults.set("empty-page", { rate: 0.5 });
  const found = await destination.find(deliveries, { signal });
  expect(found.map((receipt) => receipt?.itemId)).toEqual(receipts);
});

test("pages that do not end are no answer", async () => {
  const deliveries = await forPurges(2);
  await destination.submit(deliveries, { signal });
  server.faults.set("empty-page", { rate: 1 });
  const ending = AbortSignal.timeout(2000);
  await expect(destination.find(deliveries, { signal: ending })).rejects.toThrow();
});

test("a directory that answers with an empty page first is listened to", async () => {
  server.faults.set("empty-page", { rate: 1, times: 1 });
  expect(await destination.resolve?.(BOB)).toBe(BOB);
});

test("a staging folder that is removed meanwhile is made again, for what is written and for what is looked for", async () => {
  const deliveries = await forPurges(6);
  await destination.submit(deliveries.slice(0, 2), { signal });
  await removeStaging();
  const outcomes = await destination.submit(deliveries.slice(2, 4), { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted"]);
  await removeStaging();
  // Another process has made it anew, and left something there.
  const other = await open(join(folder, "other"));
  vi.spyOn(server.store, "purgeItem").mockRejectedValue(new NoAnswer("reset"));
  await other.submit(deliveries.slice(4), { signal });
  vi.restoreAllMocks();
  await other.close();
  expect(bobs("Hansard staging")).toHaveLength(2);
  const found = await destination.find(deliveries, { signal });
  expect(found.every((receipt) => receipt !== undefined)).toBe(true);
  expect(bobs("Purges").sort()).toEqual(deliveries.map(({ message }) => message.subject).sort());
});

async function open(own: string): Promise<Microsoft365Destination> {
  await mkdir(own, { recursive: true });
  return openMicrosoft365({
    id: "m365",
    settings: Settings.parse(settingsFor(server.url, { settleMs: 100, readBackShare: 0 })),
    blobs: new SampleBlobs(),
    folder: own,
    log: quiet,
  });
}

async function removeStaging(): Promise<void> {
  const bob = server.store.mailbox(BOB)?.id ?? 0;
  const root = server.store.wellKnownFolder(bob, "msgfolderroot");
  const staging = server.store.childFolders(bob, root.id).find(({ name }) => name === "Hansard staging");
  await server.store.removeFolder(staging?.id ?? 0);
}

/** Writes them, and has every purge's answer lost before it was done. Gives how many requests were made since. */
async function leftInStaging(deliveries: Delivery[]): Promise<() => number> {
  const purges = vi.spyOn(server.store, "purgeItem").mockRejectedValue(new NoAnswer("reset"));
  const outcomes = await destination.submit(deliveries, { signal });
  expect(outcomes.every(({ status }) => status === "unknown")).toBe(true);
  purges.mockRestore();
  const requests = vi.spyOn(server.pace, "enter");
  return () => requests.mock.calls.length;
}

function forPurges(count: number): Promise<Delivery[]> {
  return Promise.all(
    Array.from({ length: count }, (_, number) => sampleDelivery(number, { mailbox: BOB, folder: { kind: "purges" } })),
  );
}

function bobs(name: string): string[] {
  return inFolder(server.store, server.store.mailbox(BOB)?.id ?? 0, name);
}

function itemIdOf(outcome: Outcome): string | undefined {
  return outcome.status === "accepted" ? outcome.receipt.itemId : undefined;
}
