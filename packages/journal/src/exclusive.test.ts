import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exclusively } from "./exclusive.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansard-exclusive-"));
  file = join(folder, "exclusive-1.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

test("work of one process runs one after the other, and what fails lets the next begin", async () => {
  const steps: string[] = [];
  const work = (name: string) => async () => {
    steps.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    steps.push(`${name} ends`);
    if (name === "first") throw new Error("It failed.");
    return name;
  };
  const results = await Promise.allSettled(["first", "second", "third"].map((name) => exclusively(file, work(name))));

  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  for (let index = 0; index < steps.length; index += 2)
    expect(steps[index + 1]).toBe(steps[index]?.replace("begins", "ends"));
  expect(steps).toHaveLength(6);
});

test("work waits for another process, until that has ended by whatever cause", async () => {
  const holder = spawn(
    process.execPath,
    ["-e", HOLD, JSON.stringify({ module: new URL("exclusive.ts", import.meta.url).href, file })],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_OPTIONS: CONDITIONS } },
  );
  await once(holder.stdout, "data");
  let killed = false;
  const exited = once(holder, "exit");
  setTimeout(() => (killed = holder.kill("SIGKILL")), 300);

  expect(await exclusively(file, async () => killed)).toBe(true);
  await exited;
});

const CONDITIONS = "--conditions=@hansard/source";

const HOLD = `
const { module, file } = JSON.parse(process.argv[1]);
import(module).then(({ exclusively }) =>
  exclusively(file, () => { process.stdout.write("held"); return new Promise(() => setInterval(() => {}, 1000)); }));
`;
