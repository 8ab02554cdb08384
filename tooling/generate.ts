import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./workspace.ts";

// Writes what is generated from the code: docs/connectors.md, the tables in the connectors' READMEs and the JSON Schema of
// hansard.yaml. With --check it only says what is stale. The connectors are loaded from their sources.
const write = join(ROOT, "tooling", "generate", "write-outputs.ts");
const { status } = spawnSync(process.execPath, ["--conditions=@hansard/source", write, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
