import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openScratchProject, type ScratchProject } from "./scratch-project.test.support.ts";
import { ROOT } from "./workspace.ts";

const ID = "status-page";
const guide = readFileSync(join(ROOT, "docs", "writing-a-connector.md"), "utf8");
/** Each with its language and, for those that are files of the guide's connector, its path. */
const blocks = [...guide.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$/gm)].map(([, language, path, code = ""]) => ({
  language,
  path,
  code,
}));
let project: ScratchProject;

beforeAll(() => {
  project = openScratchProject("guide");
  const folder = join(project.root, "connectors", ID);
  blocks.forEach(({ language, path, code }, index) => {
    const file = path ?? (language === "ts" ? `src/example-${index}.ts` : undefined);
    if (file === undefined) return;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
  });
  writeFileSync(
    join(folder, "tsconfig.json"),
    '{ "extends": "../../tooling/tsconfig.json", "include": ["src", "*.ts"], "compilerOptions": { "rootDir": "." } }',
  );
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  project.link(ID);
});
afterAll(() => project.remove());

test("every TypeScript block of the guide compiles", () => {
  expect(blocks.filter(({ language }) => language === "ts").length).toBeGreaterThan(7);
  expect(project.typeErrors(ID)).toBe("");
});

test("the guide's connector conforms", { timeout: 120_000 }, () => {
  const { passed, failed } = project.runTests();

  expect(failed).toEqual({});
  expect(passed).toBeGreaterThan(30);
});

test("every case that a rule of the guide names is one of the suite", () => {
  const rules = guide.slice(guide.indexOf("## The rules"));
  const named = [...rules.matchAll(/`\[([a-z0-9-]+)\]`/g)].map(([, id]) => id);
  const cases = [
    "crashes",
    "definition",
    "fixtures",
    "http-faults",
    "mapping",
    "memory",
    "reading",
    "resuming",
    "secrets",
  ]
    .map((name) => readFileSync(join(ROOT, "packages", "testkit", "src", "cases", `${name}.ts`), "utf8"))
    .join("\n");

  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((id) => !cases.includes(`id: "${id}"`))).toEqual([]);
});

test("every file that the guide links to exists", () => {
  const links = [...guide.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = ""]) => target);

  expect(links.filter((target) => !existsSync(join(ROOT, "docs", target)))).toEqual([]);
});
