import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyExport } from "../../apps/runner/src/export/verify-export.ts";
import { randomFrom } from "../random.ts";
import { linesIn } from "./forge.ts";
import { cutTail, type Mutation, MUTATIONS } from "./mutate.ts";
import { PythonVerifier } from "./python-verifier.ts";
import { richExports } from "./rich-export.ts";
import { smallExports } from "./small-export.ts";
import { Snapshot } from "./snapshot.ts";

/** 10,000 in the torture; a seeded slice of them here. */
const COUNT = Number(process.env["HANSARD_MUTATIONS"] ?? 210);
const SEED = Number(process.env["HANSARD_SEED"] ?? 20261123);

let made: Awaited<ReturnType<typeof smallExports>>;
let rich: Awaited<ReturnType<typeof richExports>>;
let python: PythonVerifier;

beforeAll(async () => {
  [made, rich] = await Promise.all([smallExports(), richExports()]);
  python = new PythonVerifier();
}, 240_000);

afterAll(() => {
  python.close();
  rmSync(made.folder, { recursive: true });
  rich.here.remove();
});

test("both verifiers find nothing wrong with exports as they were written, and call a part a part", async () => {
  const all = [
    { head: made.head, whole: made.whole, parts: [made.partial] },
    { head: rich.head, whole: rich.whole, parts: rich.parts },
  ];
  for (const { head, whole, parts } of all)
    for (const folder of [whole, ...parts])
      for (const { problems, announcements } of [await verifyExport(folder, head), await python.verify(folder, head)]) {
        expect(problems).toEqual([]);
        expect(announcements).toEqual(folder === whole ? [] : [expect.stringContaining("PARTIAL EXPORT")]);
      }
  // Else it would be no wonder: the 18 messages that were said are more mails, and copies were redirected and withdrawn.
  expect(linesIn(made.whole, "messages.jsonl").length).toBeGreaterThan(18);
  const journal = linesIn(rich.whole, "journal.jsonl").join("\n");
  const signs = ['"kind":"withdrawal"', "redirected", "reroute", "Transcript", '\\"destination\\":\\"files\\"'];
  expect(signs.filter((sign) => !journal.includes(sign))).toEqual([]);
});

test("an export is sound by whatever path it is named", async () => {
  for (const path of [`${made.whole}/`, `${made.folder}/./whole`, `./${relative(".", made.whole)}`])
    expect((await verifyExport(path, made.head)).problems).toEqual([]);
});

test(`both verifiers find each of ${COUNT} random mutations (seed ${SEED})`, async () => {
  const random = randomFrom(SEED);
  const missed: string[] = [];
  const exports = [
    mutable(made.whole, MUTATIONS.whole),
    mutable(made.partial, MUTATIONS.partial),
    mutable(rich.whole, MUTATIONS.whole),
    mutable(rich.parts[0] ?? "", MUTATIONS.partial),
  ];
  for (let index = 0; index < COUNT; index += 1) {
    const { name: of, snapshot, mutations } = exports[index % exports.length] ?? fail();
    const [name, mutate] = mutations[Math.floor(index / exports.length) % mutations.length] ?? fail();
    const folder = snapshot.restore();
    const what = mutate(folder, random);
    if ((await verifyExport(folder)).problems.length === 0) missed.push(`TypeScript: ${of}: ${name}: ${what}`);
    if ((await python.verify(folder)).problems.length === 0) missed.push(`Python: ${of}: ${name}: ${what}`);
  }
  expect(missed).toEqual([]);
}, 3_600_000);

test("a cut tail is found against an anchored head", async () => {
  const random = randomFrom(SEED);
  const snapshot = new Snapshot(made.whole, join(made.folder, "cut"));
  for (let index = 0; index < Math.ceil(COUNT / 20); index += 1) {
    const folder = snapshot.restore();
    cutTail(folder, random);
    expect((await verifyExport(folder, made.head)).problems).toContainEqual(expect.stringContaining("anchored head"));
    expect((await python.verify(folder, made.head)).problems).toContainEqual(expect.stringContaining("anchored head"));
  }
}, 3_600_000);

function mutable(folder: string, mutations: Record<string, Mutation>) {
  const snapshot = new Snapshot(folder, `${folder}-mutated`);
  return { name: folder.split("/").at(-1), snapshot, mutations: Object.entries(mutations) };
}

function fail(): never {
  throw new Error("There is nothing to mutate.");
}
