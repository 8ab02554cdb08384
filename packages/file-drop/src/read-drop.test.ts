import { chmod, mkdir, mkdtemp, rename, rm, stat, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import type { Batch } from "./batch.ts";
import { FileProblem } from "./file-problem.ts";
import { Ledger, type LedgerBook, ledgerEntries, markRead, openLedger } from "./ledger.ts";
import { openLocalFolder } from "./local-folder.ts";
import { unwrapName } from "./names.ts";
import { type DropReading, readDrop } from "./read-drop.ts";
import { CompletionSettings } from "./settings.ts";
import { readWhole } from "./spool.ts";

const START = Date.parse("2026-03-13T12:00:00Z");

let folder: string;
let ledger: LedgerBook;
let clockMs: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drop-"));
  ledger = openLedger();
  clockMs = START;
  return () => rm(folder, { recursive: true, force: true });
});

interface Outcome {
  read: [path: string, content: string][];
  refused: [path: string, reason: string][];
  absent: string[];
  closed: string[];
}

/** One run of a simple source: files `<day>.<n>.txt`, a group a day, and `manifest*.txt`. */
async function run(
  options: Partial<DropReading> = {},
  accept: (path: string) => boolean = () => true,
): Promise<Outcome> {
  const outcome: Outcome = { read: [], refused: [], absent: [], closed: [] };
  const drop = await openLocalFolder(folder);
  const quiet = () => {};
  const reading: DropReading = {
    drop,
    ledger,
    completion: CompletionSettings.parse({ stableForSeconds: 0, graceHours: 24 }),
    reader: "test 1",
    describe,
    parseManifest: (text) => text.split("\n").filter(Boolean),
    startedAt: new Date(clockMs),
    signal: new AbortController().signal,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    ...options,
  };
  for await (const batch of readDrop(reading)) await take(batch, outcome, accept);
  // What a run leaves behind is what the next begins with, as JSON.
  ledger = openLedger(Ledger.parse(JSON.parse(JSON.stringify(ledgerEntries(ledger)))));
  clockMs += 60_000;
  return outcome;
}

async function take(batch: Batch, outcome: Outcome, accept: (path: string) => boolean): Promise<void> {
  outcome.refused.push(...batch.refused.map(({ path, reason }): [string, string] => [path, reason]));
  outcome.absent.push(...batch.absent);
  outcome.closed.push(...batch.closed);
  for (const file of batch.files) {
    if (!accept(file.path)) {
      const { path, reason } = batch.refuse(file.path, new FileProblem("The caller does not believe it."));
      outcome.refused.push([path, reason]);
      continue;
    }
    if (file.sameAs === undefined)
      outcome.read.push([file.path, Buffer.from(await readWhole(file.open(), 1e6)).toString()]);
    outcome.closed.push(...markRead(ledger, file, new Date(clockMs)));
  }
}

function describe(path: string) {
  const { name } = unwrapName(path);
  if (/^manifest.*\.txt$/.test(name)) return "manifest";
  if (name === "readme.html") return "ignored";
  const match = /^(\d+)\.(\d+)\.(?:txt|tar|zip)$/.exec(name);
  return match ? { group: match[1] ?? "", order: `${match[1]}.${match[2]}` } : undefined;
}

async function put(path: string, content: string | Buffer): Promise<void> {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), content);
}

test("files come in the order of their days and numbers, each once", async () => {
  await put("2.1.txt", "c");
  await put("Archive/1.2.txt.gz", gzipSync("b"));
  await put("1.1.txt", "a");
  expect((await run()).read).toEqual([
    ["1.1.txt", "a"],
    ["Archive/1.2.txt.gz", "b"],
    ["2.1.txt", "c"],
  ]);
  expect(await run()).toEqual({ read: [], refused: [], absent: [], closed: [] });
});

test("a file counts as read only when the caller says so", async () => {
  await put("1.1.txt", "a");
  const drop = await openLocalFolder(folder);
  expect((await drop.list()).entries).toHaveLength(1);
  await run({}, () => true);
  ledger = openLedger();
  expect((await run()).read).toHaveLength(1);
});

test("a file is read when it was the same twice, far enough apart, and not while it grows", async () => {
  const completion = CompletionSettings.parse({ stableForSeconds: 600 });
  await put("1.1.txt", "a");
  expect((await run({ completion })).read).toEqual([]);
  clockMs += 300_000;
  await put("1.1.txt", "ab");
  expect((await run({ completion })).read).toEqual([]);
  clockMs += 400_000;
  expect((await run({ completion })).read).toEqual([]);
  clockMs += 300_000;
  expect((await run({ completion })).read).toEqual([["1.1.txt", "ab"]]);
});

test("a run waits for files to come to rest where that is bearable", async () => {
  await put("1.1.txt", "a");
  expect((await run({ completion: CompletionSettings.parse({ stableForSeconds: 0.2 }) })).read).toEqual([
    ["1.1.txt", "a"],
  ]);
});

test("a day waits as a whole for its youngest file", async () => {
  const completion = CompletionSettings.parse({ stableForSeconds: 600 });
  await put("1.1.txt", "a");
  await run({ completion });
  clockMs += 600_000;
  await put("1.2.txt", "b");
  expect((await run({ completion })).read).toEqual([]);
  clockMs += 600_000;
  expect((await run({ completion })).read).toHaveLength(2);
});

test("with markers, a file waits for its `.done`, and is told of when none comes", async () => {
  const completion = CompletionSettings.parse({ stableForSeconds: 0, marker: true });
  await put("1.1.txt", "a");
  expect(await run({ completion })).toMatchObject({ read: [], refused: [] });
  clockMs += 25 * 3_600_000;
  expect((await run({ completion })).refused).toEqual([
    ["1.1.txt", expect.stringContaining("nothing says that its writer finished it")],
  ]);
  expect((await run({ completion })).refused).toEqual([]);
  await put("1.1.txt.done", "");
  expect(await run({ completion })).toMatchObject({ read: [["1.1.txt", "a"]], closed: ["file:1.1.txt"] });
});

test("a name that says `in progress` is never read, and is told of when it stays", async () => {
  await put("1.1.txt_inprogress", "a");
  expect(await run()).toMatchObject({ read: [], refused: [] });
  clockMs += 25 * 3_600_000;
  expect((await run()).refused).toHaveLength(1);
});

test("what a manifest names is waited for, told of after the time of grace, and closed when it comes", async () => {
  await put("1.1.txt", "a");
  await put("manifest.txt", "1.1.txt\n1.2.txt.gz\n");
  expect(await run()).toMatchObject({ read: [], absent: [] });
  clockMs += 25 * 3_600_000;
  expect(await run()).toMatchObject({ read: [["1.1.txt", "a"]], absent: ["1.2.txt.gz"] });
  expect(await run()).toMatchObject({ read: [], absent: [] });
  await put("Archive/1.2.txt", "b");
  expect(await run()).toMatchObject({ read: [["Archive/1.2.txt", "b"]], closed: ["file:1.2.txt.gz"] });
});

test("a manifest that is renamed causes no second reading and no gap", async () => {
  await put("1.1.txt", "a");
  await put("manifest_current.txt", "1.1.txt\n");
  expect((await run()).read).toHaveLength(1);
  await rename(join(folder, "manifest_current.txt"), join(folder, "manifest_260313.txt"));
  expect(await run()).toEqual({ read: [], refused: [], absent: [], closed: [] });
});

test("a manifest that outlives the files it names causes no gap", async () => {
  await put("1.1.txt", "a");
  await run();
  await unlink(join(folder, "1.1.txt"));
  await put("manifest.txt", "1.1.txt\n");
  await run();
  clockMs += 25 * 3_600_000;
  expect((await run()).absent).toEqual([]);
});

test("a manifest under a name that is not known is refused by name, and not taken for data", async () => {
  await put("list.txt", "1.1.txt\n");
  expect((await run()).refused).toEqual([["list.txt", expect.stringContaining("name is not one")]]);
  expect((await run()).refused).toEqual([]);
  const ignoring = (path: string) => (path === "list.txt" ? "ignored" : describe(path));
  expect((await run({ describe: ignoring })).closed).toEqual(["file:list.txt"]);
});

test("the same name with other bytes is read again, as a revision", async () => {
  await put("1.1.txt", "a");
  await run();
  await put("1.1.txt", "changed");
  expect((await run()).read).toEqual([["1.1.txt", "changed"]]);
  expect(ledger.get("1.1.txt")?.revision).toBe(2);
});

test("the same bytes that are written again, or under another name, are not read twice", async () => {
  await put("1.1.txt", "a");
  await run();
  await utimes(join(folder, "1.1.txt"), new Date(), new Date());
  await put("Archive/1.1.txt.gz", gzipSync("a"));
  await rename(join(folder, "1.1.txt"), join(folder, "1.7.txt"));
  expect((await run()).read).toEqual([]);
  expect([...ledger.values()].filter(({ state }) => state === "read")).toHaveLength(3);
});

test("what cannot be believed is told once, with nothing of it handed over, and tried again when it changes", async () => {
  const packed = gzipSync("content ".repeat(1000));
  await put("1.1.txt.gz", packed.subarray(0, packed.length - 1));
  expect(await run()).toMatchObject({
    read: [],
    refused: [["1.1.txt.gz", expect.stringContaining("not a whole gzip")]],
  });
  expect((await run()).refused).toEqual([]);
  await put("1.1.txt.gz", packed);
  expect(await run()).toMatchObject({ read: [["1.1.txt.gz", expect.any(String)]], closed: ["file:1.1.txt.gz"] });
});

test("what the caller cannot believe is in quarantine too, until the reader is another", async () => {
  await put("1.1.txt", "a");
  expect((await run({}, () => false)).refused).toHaveLength(1);
  expect((await run({}, () => false)).refused).toEqual([]);
  expect((await run({ reader: "test 2" })).read).toHaveLength(1);
});

test("one bad file does not stop those behind it", async () => {
  await put("1.1.txt.gz", "this is no gzip");
  await put("2.1.txt", "b");
  expect(await run()).toMatchObject({ read: [["2.1.txt", "b"]], refused: [["1.1.txt.gz", expect.anything()]] });
});

test("a gzip that is cut off at any byte, or has something behind it, is refused", async () => {
  const packed = gzipSync("hello hello");
  for (let length = 0; length < packed.length; length++) {
    ledger = openLedger();
    await put("1.1.txt.gz", packed.subarray(0, length));
    expect((await run()).read, `length ${length}`).toEqual([]);
  }
  ledger = openLedger();
  await put("1.1.txt.gz", Buffer.concat([packed, Buffer.from("tail")]));
  expect((await run()).refused).toHaveLength(1);
});

test("a gzip that unpacks beyond measure, and a name with too many wrappings, are refused", async () => {
  await put("1.1.txt.gz", gzipSync(Buffer.alloc(64 * 1024 ** 2)));
  await put("2.1.txt.gz.gz.gz.gz.gz", "x");
  expect((await run()).refused.map(([, reason]) => reason)).toEqual([
    expect.stringContaining("more than 500 times its size"),
    expect.stringContaining("wrapped 5 times"),
  ]);
});

test("links are told of by name and never read", async () => {
  await put("outside/secret", "s");
  await symlink(join(folder, "outside", "secret"), join(folder, "1.1.txt"));
  const { refused, read } = await run({
    describe: (path) => (path.startsWith("outside") ? "ignored" : describe(path)),
  });
  expect(read).toEqual([]);
  expect(refused).toEqual([["1.1.txt", expect.stringContaining("symbolic link")]]);
});

test.skipIf(process.getuid?.() === 0)(
  "a file that may not be read is refused alone (skipped for root, who may read all)",
  async () => {
    await put("1.1.txt", "a");
    await put("2.1.txt", "b");
    await chmod(join(folder, "1.1.txt"), 0);
    expect(await run()).toMatchObject({ read: [["2.1.txt", "b"]], refused: [["1.1.txt", expect.anything()]] });
  },
);

test("nothing in the drop is changed", async () => {
  await put("1.1.txt", "a");
  const before = await stat(join(folder, "1.1.txt"));
  await run();
  const after = await stat(join(folder, "1.1.txt"));
  expect([after.mtimeMs, after.size, after.ino]).toEqual([before.mtimeMs, before.size, before.ino]);
});
