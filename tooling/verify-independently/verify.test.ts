import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyExport } from "../../apps/runner/src/export/verify-export.ts";
import { randomFrom } from "../random.ts";
import { copyOf, smallExports } from "./small-export.ts";
import { cutTail, MUTATIONS } from "./mutate.ts";
import { PythonVerifier } from "./python-verifier.ts";

/** 10,000 in the torture; a seeded slice of them here. */
const COUNT = Number(process.env["HANSARD_MUTATIONS"] ?? 180);
const SEED = Number(process.env["HANSARD_SEED"] ?? 20261123);

let made: Awaited<ReturnType<typeof smallExports>>;
let python: PythonVerifier;

beforeAll(async () => {
  made = await smallExports();
  python = new PythonVerifier();
});

afterAll(() => {
  python.close();
  rmSync(made.folder, { recursive: true });
});

test("both verifiers find nothing wrong with exports as they were written", async () => {
  for (const folder of [made.whole, made.partial]) {
    const { problems, messages } = await verifyExport(folder, made.head);
    expect(problems).toEqual([]);
    expect(messages).toBeGreaterThan(0);
    expect(await python.verify(folder, made.head)).toEqual([]);
  }
});

test("an export is sound by whatever path it is named", async () => {
  for (const path of [`${made.whole}/`, `${made.folder}/./whole`, `./${relative(".", made.whole)}`])
    expect((await verifyExport(path, made.head)).problems).toEqual([]);
});

test(`both verifiers find each of ${COUNT} random mutations (seed ${SEED})`, async () => {
  const random = randomFrom(SEED);
  const names = Object.keys(MUTATIONS);
  const missed: string[] = [];
  for (let index = 0; index < COUNT; index += 1) {
    const name = names[index % names.length] ?? "";
    const folder = join(made.folder, "mutated");
    copyOf(made.whole, folder);
    const what = MUTATIONS[name]?.(folder, random);
    if ((await verifyExport(folder)).problems.length === 0) missed.push(`TypeScript: ${name}: ${what}`);
    if ((await python.verify(folder)).length === 0) missed.push(`Python: ${name}: ${what}`);
    rmSync(folder, { recursive: true });
  }
  expect(missed).toEqual([]);
}, 3_600_000);

test("a cut tail is found against an anchored head", async () => {
  const random = randomFrom(SEED);
  for (let index = 0; index < Math.ceil(COUNT / 20); index += 1) {
    const folder = join(made.folder, "cut");
    copyOf(made.whole, folder);
    cutTail(folder, random);
    expect((await verifyExport(folder, made.head)).problems).toContainEqual(expect.stringContaining("anchored head"));
    expect(await python.verify(folder, made.head)).toContainEqual(expect.stringContaining("anchored head"));
    rmSync(folder, { recursive: true });
  }
}, 3_600_000);
