import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { BROKEN } from "./broken-connectors.test.support.ts";
import { conformanceCases } from "./conformance-cases.ts";
import { answerNotes, LARGE_EVENTS, noticeboard, TOKEN } from "./noticeboard.test.support.ts";
import type { ConformanceOptions } from "./options.ts";

const FIXTURES = new URL("./fixtures.test.support/", import.meta.url);
const options: ConformanceOptions = {
  fixtures: FIXTURES,
  source: {
    events: 5,
    settings: ({ url }) => ({ url, token: TOKEN }),
    answer: answerNotes,
    later: { events: 2 },
    large: { events: LARGE_EVENTS },
  },
};

test.each(BROKEN)("a connector that $flaw fails [$caught]", async ({ caught, says, ...change }) => {
  await expect(failureOf(caught, change)).resolves.toMatch(says);
});

async function failureOf(
  id: string,
  { connector = noticeboard, source = {}, waivers = [] }: Partial<(typeof BROKEN)[number]>,
  fixtures = FIXTURES,
): Promise<string> {
  const cases = conformanceCases(connector, { fixtures, source: { ...options.source, ...source }, waivers });
  const found = cases.find((one) => one.id === id);
  if (!found) throw new Error(`The suite has no case ${id}.`);
  return found.run().then(
    () => "It passes.",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

const folder = mkdtempSync(join(tmpdir(), "hansard-fixtures-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The fixtures with one of them changed, in a folder of their own. */
function fixturesWith(name: string, change: (content: string) => string | undefined): URL {
  const own = mkdtempSync(join(folder, "case-"));
  cpSync(fileURLToPath(FIXTURES), own, { recursive: true });
  const content = change(readFileSync(join(own, name), "utf8"));
  if (content === undefined) rmSync(join(own, name));
  else writeFileSync(join(own, name), content);
  return pathToFileURL(`${own}/`);
}

test("an event type without a fixture is named", async () => {
  const fixtures = fixturesWith("Note.plain.json", () => undefined);

  await expect(failureOf("fixtures-types", {}, fixtures)).resolves.toContain('have no fixture: "Note"');
});

test("a claim that no fixture shows is named, and so is a fixture that shows what is not claimed", async () => {
  const silent = fixturesWith("Edit.second-version.json", (text) =>
    text.replace("edits:every-version", "edits:last-version"),
  );

  await expect(failureOf("fixtures-claims", {}, silent)).resolves.toContain('no proof: "edits:every-version"');
  const boastful = fixturesWith("Note.plain.json", (text) => text.replace("{", '{ "shows": ["deletes:tombstone"],'));
  await expect(failureOf("fixtures-claims", {}, boastful)).resolves.toContain("does not claim");
});

test("a fixture that does not hold what it says it shows is named", async () => {
  const fixtures = fixturesWith("Edit.second-version.json", (text) => text.replace('"version": "2",', ""));

  await expect(failureOf("fixtures-claims", {}, fixtures)).resolves.toContain("do not hold what they say");
});

test("a mapping that differs from its fixture is shown at the place where it differs", async () => {
  const fixtures = fixturesWith("Note.plain.json", (text) => text.replace("Note by Anna", "Note by Ben"));

  await expect(failureOf("fixture-Note.plain", {}, fixtures)).resolves.toContain(
    'subject is "Note by Anna" and should be "Note by Ben"',
  );
});

test("a fixture without a message says what the mapping gives, and gets it written when asked", async () => {
  const fixtures = fixturesWith("Note.plain.json", (text) =>
    JSON.stringify({ ...JSON.parse(text), message: undefined }),
  );
  await expect(failureOf("fixture-Note.plain", {}, fixtures)).resolves.toContain("HANSARD_FIXTURES=write");

  process.env["HANSARD_FIXTURES"] = "write";
  await failureOf("fixture-Note.plain", {}, fixtures);
  delete process.env["HANSARD_FIXTURES"];

  await expect(failureOf("fixture-Note.plain", {}, fixtures)).resolves.toBe("It passes.");
});

test("a fixture that is no fixture is named with what it lacks", async () => {
  const fixtures = fixturesWith("Note.plain.json", () => '{ "event": { "type": "Note" } }');

  await expect(failureOf("fixture-Note.plain", {}, fixtures)).resolves.toContain("event.key");
});

test("a stale waiver, one of an unknown case and one without a reason fail", async () => {
  const reason = "The board reports no edits at all.";

  await expect(failureOf("map-pure", { waivers: [{ case: "map-pure", reason }] })).resolves.toContain("is stale");
  await expect(failureOf("waivers", { waivers: [{ case: "map-prue", reason }] })).resolves.toContain('"map-prue"');
  await expect(failureOf("waivers", { waivers: [{ case: "map-pure", reason: "No." }] })).resolves.toContain(
    '"map-pure"',
  );
});

test("a waived case that fails is excused", async () => {
  const impure = BROKEN.find(({ caught }) => caught === "map-pure");

  await expect(
    failureOf("map-pure", {
      ...impure,
      waivers: [{ case: "map-pure", reason: "The source's messages tell no time." }],
    }),
  ).resolves.toBe("It passes.");
});

test("every case of the suite is shown to fail", () => {
  const shown = new Set([
    ...BROKEN.map(({ caught }) => caught),
    "fixtures-types",
    "fixtures-claims",
    "waivers",
    ...readdirSync(FIXTURES).map((name) => `fixture-${name.replace(".json", "")}`),
  ]);

  expect(
    conformanceCases(noticeboard, options)
      .map(({ id }) => id)
      .filter((id) => !shown.has(id)),
  ).toEqual([]);
});
