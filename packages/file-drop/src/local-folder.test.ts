import { link, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { FileProblem } from "./file-problem.ts";
import { openLocalFolder } from "./local-folder.ts";
import { readWhole } from "./spool.ts";

let home: string;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "drop-"));
  folder = join(home, "drop");
  await mkdir(folder);
  return () => rm(home, { recursive: true, force: true });
});

test("plain files are listed and read, links of both kinds are reported and not", async () => {
  await mkdir(join(folder, "Archive"));
  await writeFile(join(folder, "Archive", "b.xml"), "bb");
  await writeFile(join(folder, "a.xml"), "a");
  await writeFile(join(home, "outside"), "secret");
  await symlink(join(home, "outside"), join(folder, "soft"));
  await symlink(home, join(folder, "up"));
  await link(join(home, "outside"), join(folder, "hard"));

  const drop = await openLocalFolder(folder);
  const { entries, oddities } = await drop.list();

  expect(entries.map(({ path, size }) => [path, size])).toEqual([
    ["Archive/b.xml", 2],
    ["a.xml", 1],
  ]);
  expect(oddities.map(({ path }) => path).sort()).toEqual(["hard", "soft", "up"]);
  const [first] = entries;
  if (!first) throw new Error("There is no file.");
  expect(Buffer.from(await readWhole(drop.read(first), 100)).toString()).toBe("bb");
});

test("a file that was replaced by a link after it was listed is not followed", async () => {
  await writeFile(join(folder, "a.xml"), "secret");
  await writeFile(join(home, "outside"), "secret");
  const drop = await openLocalFolder(folder);
  const [entry] = (await drop.list()).entries;
  await unlink(join(folder, "a.xml"));
  await symlink(join(home, "outside"), join(folder, "a.xml"));
  await expect(readWhole(drop.read(entry ?? fail()), 100)).rejects.toThrow("became a link");
});

test("a folder that was replaced by a link after it was listed is not followed", async () => {
  await mkdir(join(folder, "Archive"));
  await mkdir(join(home, "outside"));
  await writeFile(join(folder, "Archive", "a.xml"), "mine!!");
  await writeFile(join(home, "outside", "a.xml"), "secret");
  const drop = await openLocalFolder(folder);
  const [entry] = (await drop.list()).entries;
  await rename(join(folder, "Archive"), join(home, "gone"));
  await symlink(join(home, "outside"), join(folder, "Archive"));
  await expect(readWhole(drop.read(entry ?? fail()), 100)).rejects.toThrow(FileProblem);
});

test("a file that changes while it is read is refused", async () => {
  await writeFile(join(folder, "a.xml"), Buffer.alloc(1_000_000));
  const drop = await openLocalFolder(folder);
  const [entry] = (await drop.list()).entries;
  const reading = drop.read(entry ?? fail())[Symbol.asyncIterator]();
  await reading.next();
  await writeFile(join(folder, "a.xml"), Buffer.alloc(1_000_001));
  async function drain() {
    while (!(await reading.next()).done);
  }
  await expect(drain()).rejects.toThrow(/changed|shorter/);
});

test("swapping a file and a link to the outside in a loop never gets the outside read", async () => {
  await writeFile(join(home, "outside"), "secret");
  const drop = await openLocalFolder(folder);
  const stop = new AbortController();
  async function swap() {
    for (let turn = 0; !stop.signal.aborted; turn++) {
      const next = join(home, "next");
      if (turn % 2 === 0) await writeFile(next, "public");
      else await symlink(join(home, "outside"), next);
      await rename(next, join(folder, "a.xml"));
    }
  }
  const swapping = swap();
  const end = Date.now() + 1500;
  let reads = 0;
  while (Date.now() < end) {
    for (const entry of (await drop.list()).entries) {
      try {
        expect(Buffer.from(await readWhole(drop.read(entry), 100)).toString()).toBe("public");
        reads += 1;
      } catch (error) {
        if (!(error instanceof FileProblem)) throw error;
      }
    }
  }
  stop.abort();
  await swapping;
  expect(reads).toBeGreaterThan(0);
});

test("a folder that is not there is a fault of the settings", async () => {
  await expect(openLocalFolder(join(home, "nowhere"))).rejects.toMatchObject({ kind: "settings" });
});

function fail(): never {
  throw new Error("There is no file.");
}
