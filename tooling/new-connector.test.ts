import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scaffold } from "./new-connector/scaffold.ts";
import { ROOT } from "./workspace.ts";

let root: string;
let connector: string;

/** A copy of what a connector needs of the repository, with one new connector in it. */
beforeAll(() => {
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  root = mkdtempSync(join(ROOT, ".cache", "new-connector-"));
  scaffold(root, { id: "acme-board", owner: "@acme/archivists" });
  connector = join(root, "connectors", "acme-board");
  mkdirSync(join(root, "tooling"));
  cpSync(join(ROOT, "tooling", "tsconfig.json"), join(root, "tooling", "tsconfig.json"));
  link("@hansard/core", join(ROOT, "packages", "core"));
  link("@hansard/testkit", join(ROOT, "packages", "testkit"));
  link("zod", realpathSync(join(ROOT, "packages", "testkit", "node_modules", "zod")));
  writeFileSync(join(root, "vitest.config.ts"), VITEST_CONFIG);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const VITEST_CONFIG = `export default {
  ssr: { resolve: { conditions: ["@hansard/source", "node", "import", "default"] } },
  test: { include: ["connectors/*/*.test.ts"], pool: "forks", execArgv: ["--conditions=@hansard/source"] },
};
`;

function link(name: string, target: string): void {
  const place = join(connector, "node_modules", name);
  mkdirSync(join(place, ".."), { recursive: true });
  symlinkSync(target, place);
}

test("a new connector has its four source files, a fixture, a README with markers, a changeset and an owner", () => {
  for (const path of [
    "src/index.ts",
    "src/schema.ts",
    "src/read.ts",
    "src/map.ts",
    "fixtures/Post.first.json",
    "conformance.test.ts",
    "tsconfig.json",
  ]) {
    expect(existsSync(join(connector, path)), path).toBe(true);
    expect(readFileSync(join(connector, path), "utf8")).not.toMatch(/__\w+__/);
  }
  expect(readFileSync(join(connector, "README.md"), "utf8")).toContain("<!-- generated:settings -->");
  expect(JSON.parse(readFileSync(join(connector, "package.json"), "utf8"))).toMatchObject({
    name: "@hansard/connector-acme-board",
  });
  expect(readFileSync(join(root, ".changeset", "new-connector-acme-board.md"), "utf8")).toContain(
    '"@hansard/connector-acme-board": major',
  );
  expect(readFileSync(join(root, ".github", "CODEOWNERS"), "utf8")).toContain(
    "/connectors/acme-board/ @acme/archivists\n",
  );
});

test("it compiles and passes lint and format as it is", () => {
  expect(run("tsc", ["--noEmit", "-p", connector])).toBe("");
  const files = ["index", "schema", "read", "map"].map((name) => join(connector, "src", `${name}.ts`));
  files.push(join(connector, "conformance.test.ts"));
  // The folder is one that git ignores, so the files must be named for lint and format to look at them.
  expect(run("oxlint", ["-c", ".oxlintrc.json", "--no-ignore", ...files])).toMatch(/0 warnings and 0 errors.*5 files/s);
  expect(run("oxfmt", ["-c", ".oxfmtrc.json", "--check", ...files])).toMatch(
    /All matched files use the correct format/i,
  );
});

test("its conformance test runs at once, and fails only where its author has work to do", { timeout: 120_000 }, () => {
  const report = join(root, "report.json");
  spawnSync("vitest", ["run", "--root", root, "--reporter=json", `--outputFile=${report}`], {
    cwd: root,
    encoding: "utf8",
  });
  const { numPassedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed"),
  );

  expect(
    Object.fromEntries(
      failed.map(({ title, failureMessages }) => [/\[(.*)\]$/.exec(title)?.[1], failureMessages.join("\n")]),
    ),
  ).toEqual({
    "fixtures-types": expect.stringContaining('no fixture: "Other". Add fixtures/Other.<case>.json'),
    "fixtures-claims": expect.stringContaining('no proof: "edits:every-version". Add "shows": ["edits:every-version"]'),
  });
  expect(numPassedTests).toBeGreaterThan(30);
});

test("an id that cannot be one, or is taken, is refused with what to do", () => {
  expect(() => scaffold(root, { id: "Acme Board", owner: "@acme" })).toThrow("lower-case letters");
  expect(() => scaffold(root, { id: "acme-board", owner: "@acme" })).toThrow("exists already");
});

interface Report {
  numPassedTests: number;
  testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
}

function run(command: string, options: string[]): string {
  const { stdout, stderr } = spawnSync(command, options, { cwd: ROOT, encoding: "utf8" });
  return `${stdout}${stderr}`.trim();
}
