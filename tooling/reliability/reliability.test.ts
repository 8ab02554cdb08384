import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../workspace.ts";
import { PROMISES } from "./promises.ts";
import { page } from "./record.ts";

test("docs/reliability.md is what the recorded runs say", () => {
  expect(readFileSync(join(ROOT, "docs", "reliability.md"), "utf8")).toBe(page());
});

test("every promise names a test that exists", () => {
  const missing = PROMISES.filter(
    ({ test: path }) => path !== "" && !path.includes("*") && !existsSync(join(ROOT, path)),
  );
  expect(missing.map(({ id }) => id)).toEqual([]);
});
