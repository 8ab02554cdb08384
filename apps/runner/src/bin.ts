#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { program } from "./program.ts";

// A result that is piped into a program which stops reading is no error.
process.stdout.on("error", (error) => {
  if ("code" in error && error.code === "EPIPE") process.exit(0);
  throw error;
});

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const hansard = program(version);
for (const command of [hansard, ...hansard.commands, ...hansard.commands.flatMap(({ commands }) => commands)])
  command.exitOverride();
try {
  await hansard.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
