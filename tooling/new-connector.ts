import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { scaffold } from "./new-connector/scaffold.ts";
import { ROOT } from "./workspace.ts";

// npm run new <id> [owner]: writes a connector that compiles, and whose conformance test says what is left to do.
const [id = "", owner = "@hansard/maintainers"] = process.argv.slice(2);
try {
  const written = scaffold(ROOT, { id, owner });
  console.log(written.map((path) => `  ${path}`).join("\n"));
  finish(id);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function finish(id: string): void {
  const pnpm = join(ROOT, "tooling", "toolchain", "node_modules", "pnpm", "bin", "pnpm.mjs");
  const install = existsSync(pnpm) ? [process.execPath, pnpm] : ["pnpm"];
  run([...install, "install", "--prefer-offline", "--reporter=silent"]);
  run([process.execPath, join(ROOT, "tooling", "generate.ts")]);
  console.log(`
Next:
  npm test -- connectors/${id}     runs the conformance test, which says what is left to do
  docs/writing-a-connector.md      explains each part, and how to release it`);
}

function run([command = "", ...rest]: string[]): void {
  const { status } = spawnSync(command, rest, { cwd: ROOT, stdio: "inherit" });
  if (status !== 0)
    throw new Error(
      `"${rest.at(-1)}" failed; mend what is shown above and run it again. The connector's files are written.`,
    );
}
