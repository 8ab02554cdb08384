import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scaffold } from "./new-connector/scaffold.ts";
import { openScratchProject, type ScratchProject } from "./scratch-project.test.support.ts";
import { ROOT } from "./workspace.ts";

const ID = "acme-board";
let project: ScratchProject;
let connector: string;

beforeAll(() => {
  project = openScratchProject("new-connector");
  scaffold(project.root, { id: ID, owner: "@acme/archivists" });
  project.link(ID);
  connector = join(project.root, "connectors", ID);
});
afterAll(() => project.remove());

test("a new connector has its four source files, a fixture, a README with markers, a changeset and an owner", () => {
  const files = [
    "src/index.ts",
    "src/schema.ts",
    "src/read.ts",
    "src/map.ts",
    "fixtures/Post.first.json",
    "conformance.test.ts",
    "tsconfig.json",
  ];
  for (const path of files) {
    expect(existsSync(join(connector, path)), path).toBe(true);
    expect(readFileSync(join(connector, path), "utf8")).not.toMatch(/__\w+__/);
  }
  expect(readFileSync(join(connector, "README.md"), "utf8")).toContain("<!-- generated:settings -->");
  expect(JSON.parse(readFileSync(join(connector, "package.json"), "utf8"))).toMatchObject({
    name: "@hansard/connector-acme-board",
  });
  expect(readFileSync(join(project.root, ".changeset", "new-connector-acme-board.md"), "utf8")).toContain(
    '"@hansard/connector-acme-board": major',
  );
  expect(readFileSync(join(project.root, ".github", "CODEOWNERS"), "utf8")).toContain(
    "/connectors/acme-board/ @acme/archivists\n",
  );
});

test("it compiles and passes lint and format as it is", () => {
  expect(project.typeErrors(ID)).toBe("");
  // The folder is one that git ignores, so the files must be named for lint and format to look at them.
  const files = ["src/index.ts", "src/schema.ts", "src/read.ts", "src/map.ts", "conformance.test.ts"].map((name) =>
    join(connector, name),
  );
  expect(run("oxlint", ["-c", ".oxlintrc.json", "--no-ignore", ...files])).toMatch(/0 warnings and 0 errors.*5 files/s);
  expect(run("oxfmt", ["-c", ".oxfmtrc.json", "--check", ...files])).toMatch(
    /All matched files use the correct format/i,
  );
});

test("its conformance test runs at once, and fails only where its author has work to do", { timeout: 120_000 }, () => {
  const { passed, failed } = project.runTests();

  expect(failed).toEqual({
    "fixtures-types": expect.stringContaining('no fixture: "Other". Add fixtures/Other.<case>.json'),
    "fixtures-claims": expect.stringContaining('no proof: "edits:every-version". Add "shows": ["edits:every-version"]'),
  });
  expect(passed).toBeGreaterThan(30);
});

test("an id that cannot be one, or is taken, is refused with what to do", () => {
  expect(() => scaffold(project.root, { id: "Acme Board", owner: "@acme" })).toThrow("lower-case letters");
  expect(() => scaffold(project.root, { id: ID, owner: "@acme" })).toThrow("exists already");
});

function run(command: string, options: string[]): string {
  const { stdout, stderr } = spawnSync(command, options, { cwd: ROOT, encoding: "utf8" });
  return `${stdout}${stderr}`.trim();
}
