import { appendFile, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Destination, Outcome } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LARGE_CONTENT, contextOf, hashOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openFilesDestination } from "./destination.ts";
import { verify } from "./verify.ts";
import { Settings } from "./settings.ts";

const signal = new AbortController().signal;
let root: string;
let opened: Destination[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "hansard-eml-"));
  opened = [];
});

afterEach(async () => {
  for (const destination of opened) await destination.close();
  await rm(root, { recursive: true, force: true });
});

async function openHere(settings: object = {}): Promise<Destination> {
  const destination = await openFilesDestination(
    contextOf("files", Settings.parse({ folder: root, format: "eml", ...settings })),
  );
  opened.push(destination);
  return destination;
}

function itemIds(outcomes: Outcome[]): string[] {
  return outcomes.map((outcome) => {
    if (outcome.status !== "accepted") throw new Error(`${outcome.status}: ${outcome.reason}`);
    return outcome.receipt.itemId;
  });
}

test("a message lies by mailbox, folder and date, byte for byte and readable by its owner only", async () => {
  const destination = await openHere();
  const deliveries = [
    sampleDelivery(1, { folder: { kind: "visible", path: ["Slack", "general"] } }),
    sampleDelivery(2, { folder: { kind: "inbox" }, mailbox: "bob@contoso.example" }),
    sampleDelivery(3, { folder: { kind: "purges" }, large: true }),
  ];
  const [first, second, third] = itemIds(await destination.submit(deliveries, { signal }));

  expect(first).toMatch(/^alice@contoso\.example\/Slack\/general\/2026\/01\/02\/20260102T030401Z-[0-9a-f]{40}\.eml$/);
  expect(second).toMatch(/^bob@contoso\.example\/Inbox\/2026\//);
  expect(third).toMatch(/^alice@contoso\.example\/Recoverable Items\/Purges\/2026\//);
  for (const [index, id] of [first!, second!, third!].entries()) {
    expect(hashOf(await readFile(join(root, id)))).toBe(deliveries[index]!.mail.sha256);
  }
  expect((await stat(join(root, first!))).mode & 0o777).toBe(0o600);
  expect((await readFile(join(root, third!))).length).toBeGreaterThan(LARGE_CONTENT.length);
  expect(await verify(root)).toMatchObject({ lines: 3, files: 3, problems: [] });
});

test("a delivery submitted again is answered with its first receipt and leaves one file and one line", async () => {
  const destination = await openHere();
  const delivery = sampleDelivery(1);
  const [first] = await destination.submit([delivery], { signal });
  await destination.close();
  const again = await (await openHere()).submit([delivery, delivery], { signal });

  expect(again).toEqual([first, first]);
  expect(await verify(root)).toMatchObject({ lines: 1, files: 1, problems: [] });
});

test("two of one batch with the same identity become one file", async () => {
  const destination = await openHere();
  const outcomes = await destination.submit([sampleDelivery(1), sampleDelivery(1)], { signal });
  expect(outcomes[0]).toEqual(outcomes[1]);
  expect(await verify(root)).toMatchObject({ lines: 1, files: 1, problems: [] });
});

test("other content under the same Message-ID is refused, and the file stays as it was", async () => {
  const destination = await openHere();
  const [id] = itemIds(await destination.submit([sampleDelivery(1)], { signal }));
  const [outcome] = await destination.submit([sampleDelivery(1, { text: "Forged." })], { signal });
  expect(outcome).toMatchObject({ status: "refused", reason: expect.stringContaining("other content") });
  expect(await readFile(join(root, id!), "utf8")).not.toContain("Forged");
});

test("a message whose content the journal lost is refused, and the others of its batch are stored", async () => {
  const destination = await openHere();
  const lost = sampleDelivery(2, { large: true });
  lost.mail.segments[1] = { blob: { sha256: "0".repeat(64), size: 5 } };
  const changed = sampleDelivery(3);
  changed.mail.sha256 = "1".repeat(64);
  const outcomes = await destination.submit([sampleDelivery(1), lost, changed, sampleDelivery(4)], { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "refused", "refused", "accepted"]);
  expect(outcomes[1]).toMatchObject({ reason: expect.stringContaining("0".repeat(64)) });
  expect(await verify(root)).toMatchObject({ lines: 2, files: 2, problems: [] });
  expect(await readdir(join(root, ".hansard", "tmp"))).toEqual([]);
});

test("names from outside stay inside the folder and apart from each other", async () => {
  const destination = await openHere();
  const paths = [
    ["..", "..", "etc"],
    ["%2E.", "..", "etc"],
    ["a/b"],
    ["a", "b"],
    ["x".repeat(500)],
    ["x".repeat(501)],
    ["\u0000"],
    [" "],
  ];
  const deliveries = paths.map((path) => sampleDelivery(1, { folder: { kind: "visible", path } }));
  const ids = itemIds(await destination.submit(deliveries, { signal }));
  expect(new Set(ids).size).toBe(paths.length);
  for (const id of ids) expect(id.split("/").filter((part) => /^\.+$/.test(part))).toEqual([]);
  expect(await verify(root)).toMatchObject({ files: paths.length, problems: [] });
});

test("a stored message is found and read back, and an absent one is not found", async () => {
  const destination = await openHere();
  await destination.submit([sampleDelivery(1)], { signal });
  const [found, absent] = await destination.find([sampleDelivery(1), sampleDelivery(2)], { signal });
  expect(absent).toBeUndefined();
  const chunks: Uint8Array[] = [];
  for await (const chunk of destination.read!("alice@contoso.example", found!)) chunks.push(chunk);
  expect(hashOf(Buffer.concat(chunks))).toBe(sampleDelivery(1).mail.sha256);
  const outside = { itemId: "../../etc/passwd", correlationId: "" };
  await expect(async () => {
    for await (const _ of destination.read!("a", outside));
  }).rejects.toThrow("names no file");
});

test("a last line that a crash tore is cut off at the next opening, and the chain goes on", async () => {
  const destination = await openHere();
  await destination.submit([sampleDelivery(1)], { signal });
  await destination.close();
  await appendFile(join(root, ".hansard", "manifest.jsonl"), '{"sequence":2,"previous":"ab');
  expect((await verify(root)).problems).toMatchObject([{ kind: "unreadable-line", place: "line 2" }]);
  await (await openHere()).submit([sampleDelivery(2)], { signal });
  expect(await verify(root)).toMatchObject({ lines: 2, files: 2, problems: [] });
});

test("a line whose file a crash kept back is fulfilled by the next attempt without a second line", async () => {
  const destination = await openHere();
  const [id] = itemIds(await destination.submit([sampleDelivery(1)], { signal }));
  await destination.close();
  await rm(join(root, id!));
  expect((await verify(root)).problems).toMatchObject([{ kind: "missing-file", place: id }]);
  const reopened = await openHere();
  expect(await reopened.find([sampleDelivery(1)], { signal })).toEqual([undefined]);
  await reopened.submit([sampleDelivery(1)], { signal });
  expect(await verify(root)).toMatchObject({ lines: 1, files: 1, problems: [] });
});

test("a second writer of the same folder is told who holds it", async () => {
  await (await openHere()).submit([sampleDelivery(1)], { signal });
  const second = await openHere();
  const [outcome] = await second.submit([sampleDelivery(2)], { signal });
  expect(outcome).toMatchObject({ status: "misconfigured", reason: expect.stringContaining("in use") });
  await expect(second.find([sampleDelivery(2)], { signal })).rejects.toMatchObject({
    kind: "settings",
    message: expect.stringContaining("in use"),
  });
});

test("a damaged manifest stops delivery, and what is wrong is named", async () => {
  const destination = await openHere();
  await destination.submit([sampleDelivery(1), sampleDelivery(2)], { signal });
  await destination.close();
  const path = join(root, ".hansard", "manifest.jsonl");
  await writeFile(path, (await readFile(path, "utf8")).replace("Slack.Message", "Slack.Massage"));
  const [outcome] = await (await openHere()).submit([sampleDelivery(3)], { signal });
  expect(outcome).toMatchObject({ status: "misconfigured", reason: expect.stringContaining("line 2 does not follow") });
});

test("a file where a folder must be stops delivery instead of losing the message", async () => {
  const destination = await openHere();
  await writeFile(join(root, "alice@contoso.example"), "");
  const [outcome] = await destination.submit([sampleDelivery(1)], { signal });
  expect(outcome).toMatchObject({ status: "misconfigured", remedy: expect.any(String) });
  await rm(join(root, "alice@contoso.example"));
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([{ status: "accepted" }]);
});

test("each of 400 random mutations of a delivered folder is found by verify", async () => {
  const destination = await openHere();
  const ids = itemIds(
    await destination.submit(
      Array.from({ length: 12 }, (_, index) => sampleDelivery(index)),
      { signal },
    ),
  );
  await destination.close();
  const { head, problems } = await verify(root);
  expect(problems).toEqual([]);
  const copy = await mkdtemp(join(tmpdir(), "hansard-mutated-"));
  const random = randomNumbers(20260102);
  for (let round = 0; round < 400; round++) {
    await rm(copy, { recursive: true });
    await cp(root, copy, { recursive: true });
    const what = await mutate(copy, ids, random);
    expect((await verify(copy, { head })).problems, what).not.toEqual([]);
  }
  await rm(copy, { recursive: true });
});

async function mutate(folder: string, ids: string[], random: (below: number) => number): Promise<string> {
  const manifest = join(folder, ".hansard", "manifest.jsonl");
  const file = join(folder, ids[random(ids.length)]!);
  const lines = (await readFile(manifest, "utf8")).split("\n").slice(0, -1);
  const [one, other] = [random(lines.length), random(lines.length - 1)];
  switch (random(7)) {
    case 0:
      return flipBit(file, random);
    case 1:
      return flipBit(manifest, random);
    case 2:
      await rm(file);
      return `removed ${file}`;
    case 3:
      await truncate(manifest, random((await stat(manifest)).size));
      return "cut the manifest's tail";
    case 4:
      lines.splice(one, 1);
      break;
    case 5:
      lines.splice(one, 0, lines[one]!);
      break;
    default:
      lines.push(...lines.splice(other, 1));
  }
  await writeFile(manifest, lines.map((line) => `${line}\n`).join(""));
  return "removed, repeated or moved a line";
}

async function flipBit(path: string, random: (below: number) => number): Promise<string> {
  const bytes = await readFile(path);
  const at = random(bytes.length);
  bytes[at]! ^= 1 << random(8);
  await writeFile(path, bytes);
  return `flipped a bit of byte ${at} of ${path}`;
}

/** The same numbers at every run (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("check says that the folder is usable, and names the disk's room and what Purges is worth here", async () => {
  const findings = await (await openHere()).check();
  expect(findings.filter(({ level }) => level === "error")).toEqual([]);
  expect(findings.map(({ message }) => message).join("\n")).toMatch(
    /flushed to the disk[\s\S]*GiB left[\s\S]*no hold keeps/,
  );
  const wanting = await (await openHere({ folder: join(root, "other"), minimumFreeBytes: 2 ** 52 })).check();
  expect(wanting).toContainEqual(
    expect.objectContaining({ level: "warning", remedy: expect.stringContaining("larger disk") }),
  );
});

test("check of a folder that cannot be made says why and what to do", async () => {
  await mkdir(join(root, "a"));
  await writeFile(join(root, "a", "file"), "");
  const [finding] = await (await openHere({ folder: join(root, "a", "file", "deeper") })).check();
  expect(finding).toMatchObject({ level: "error", remedy: expect.any(String) });
});
