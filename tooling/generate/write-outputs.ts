import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { ROOT } from "../workspace.ts";
import { isStale, outputs } from "./outputs.ts";

const stale = (await outputs()).filter(isStale);
if (process.argv.includes("--check")) {
  for (const { file } of stale) console.error(`${relative(ROOT, file)} is stale. Run: npm run generate`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const { file, content } of stale) writeFileSync(file, content);
  const json = stale.map(({ file }) => file).filter((file) => file.endsWith(".json"));
  if (json.length > 0) spawnSync("oxfmt", json, { cwd: ROOT, stdio: "inherit" });
  console.log(
    stale.length === 0 ? "Nothing was stale." : stale.map(({ file }) => `Wrote ${relative(ROOT, file)}`).join("\n"),
  );
}
