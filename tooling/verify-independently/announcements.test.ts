import { execFileSync, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { verifyExport as command } from "../../apps/runner/src/commands/verify-export.ts";
import { verifyExport } from "../../apps/runner/src/export/verify-export.ts";
import { randomFrom } from "../random.ts";
import { editManifest } from "./forge.ts";
import { entriesOf, removeAllBodies } from "./mutate.ts";
import { removeMessages } from "./mutate-list.ts";
import { PythonVerifier } from "./python-verifier.ts";
import { smallExports } from "./small-export.ts";
import { Snapshot } from "./snapshot.ts";

// What an export does not hold by its own word is no forgery, and nobody can check it: both verifiers say so aloud.

const VERIFY_PY = fileURLToPath(new URL("./verify.py", import.meta.url));
let made: Awaited<ReturnType<typeof smallExports>>;
let snapshot: Snapshot;
let python: PythonVerifier;

beforeAll(async () => {
  made = await smallExports();
  snapshot = new Snapshot(made.whole, join(made.folder, "copy"));
  python = new PythonVerifier();
});

afterEach(() => void vi.restoreAllMocks());

afterAll(() => {
  python.close();
  rmSync(made.folder, { recursive: true });
});

test("pages without their raw events are counted aloud", async () => {
  const folder = snapshot.restore();
  const pages = entriesOf(folder, "page");
  removeAllBodies(folder, ["page"]);
  for (const { problems, announcements } of [
    await verifyExport(folder, made.head),
    await python.verify(folder, made.head),
  ]) {
    expect(problems).toEqual([]);
    expect(announcements).toEqual([expect.stringMatching(new RegExp(`RAW EVENTS.* ${pages} of .*${pages} page`))]);
  }
});

test("a whole export that is made out to be a part of itself is found out by what a part does not hold", async () => {
  const folder = snapshot.restore();
  removeMessages(folder, 5, randomFrom(1));
  editManifest(folder, (manifest) => (manifest.query = "number1"));
  for (const { problems, announcements } of await both(folder)) {
    expect(problems).toContainEqual(expect.stringContaining("proves none of the messages"));
    expect(announcements).toEqual([expect.stringContaining("PARTIAL EXPORT")]);
  }
});

test("where the forger also takes out what a part does not hold, it is announced how much the journal names besides", async () => {
  const folder = snapshot.restore();
  const before = (await verifyExport(folder)).messages;
  removeMessages(folder, 5, randomFrom(1));
  editManifest(folder, (manifest) => (manifest.query = "number1"));
  removeAllBodies(folder, ["page", "hold"]);
  for (const { problems, announcements } of await both(folder)) {
    expect(problems).toEqual([]);
    expect(announcements).toEqual([
      expect.stringMatching(
        new RegExp(`holds ${before - 5} of the ${before} messages.*"number1".*cannot be checked offline`),
      ),
    ]);
  }
});

test("the last line that either prints for a part does not read like that for a whole", async () => {
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  expect(await command(made.partial, {})).toBe(0);
  expect(await command(made.whole, {})).toBe(0);
  const [partial, whole] = printed.mock.calls.map(([text]) => String(text).trimEnd().split("\n"));
  expect(partial?.at(-1)).toBe("All that is here is as it was exported; what is not here is said above.");
  expect(partial?.at(-2)).toContain("PARTIAL EXPORT");
  expect(whole?.at(-1)).toBe("All is as it was exported.");
  const { status, stdout } = spawnSync("python3", [VERIFY_PY, made.partial], { encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout).toMatch(/PARTIAL EXPORT.*\nsound, as far as it goes/);
  expect(execFileSync("python3", [VERIFY_PY, made.whole], { encoding: "utf8" })).toBe("sound\n");
});

async function both(folder: string) {
  return [await verifyExport(folder, made.head), await python.verify(folder, made.head)];
}
