import { relative } from "node:path";
import { expect, test } from "vitest";
import { isStale, outputs } from "./generate/outputs.ts";
import { ROOT } from "./workspace.ts";

test("the catalogue, the READMEs' tables and the configuration's JSON Schema are what the code says", async () => {
  const stale = (await outputs()).filter(isStale);

  expect(stale.map(({ file }) => `${relative(ROOT, file)}: run "npm run generate"`)).toEqual([]);
});
