import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { contextOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openFilesDestination } from "./destination.ts";
import { verify } from "./verify.ts";
import { Settings } from "./settings.ts";

const KILLS = 12;
const MESSAGES = 600;
const WRITER = `
  import { contextOf, sampleDelivery } from "@hansard/testkit/deliveries";
  import { openFilesDestination } from "./destination.ts";
  import { Settings } from "./settings.ts";
  const destination = await openFilesDestination(contextOf("files", Settings.parse({ folder: process.env.FOLDER, format: process.env.FORMAT })));
  const signal = new AbortController().signal;
  for (let number = 0; number < ${MESSAGES}; number += 20) {
    const batch = Array.from({ length: 20 }, (_, index) => sampleDelivery(number + index));
    const outcomes = await destination.submit(batch, { signal });
    for (const outcome of outcomes) if (outcome.status !== "accepted") throw new Error(JSON.stringify(outcome));
    process.stdout.write("batch\\n");
  }
  await destination.close();
`;

test.each(["eml", "maildir"])(
  "after kill -9 at %s writes, submitting again leaves each message once and a whole chain",
  async (format) => {
    const root = await mkdtemp(join(tmpdir(), "hansard-crash-"));
    for (let kill = 0; kill < KILLS; kill++) await writeAndKill(root, format, kill);
    const destination = await openFilesDestination(contextOf("files", Settings.parse({ folder: root, format })));
    const deliveries = Array.from({ length: MESSAGES }, (_, number) => sampleDelivery(number));
    const outcomes = await destination.submit(deliveries, { signal: new AbortController().signal });
    await destination.close();

    expect(outcomes.filter(({ status }) => status !== "accepted")).toEqual([]);
    expect(await verify(root)).toMatchObject({ lines: MESSAGES, files: MESSAGES, problems: [] });
    const names = (await readdir(root, { recursive: true })).filter((name) => /\.eml$|hansard,S=/.test(name));
    expect(names).toHaveLength(MESSAGES);
    await rm(root, { recursive: true });
  },
);

/** Lets the writer store some batches, and kills it in the middle of another. */
async function writeAndKill(folder: string, format: string, kill: number): Promise<void> {
  const writer = spawn(process.execPath, ["--conditions=@hansard/source", "--input-type=module", "--eval", WRITER], {
    cwd: import.meta.dirname,
    env: { ...process.env, FOLDER: folder, FORMAT: format },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => writer.once("close", resolve));
  await new Promise((resolve) => {
    let batches = 0;
    writer.stdout.on("data", (text: Buffer) => {
      batches += text.toString().split("\n").length - 1;
      if (batches > kill) resolve(undefined);
    });
    writer.once("close", resolve);
  });
  await setTimeout((kill * 7) % 23);
  writer.kill("SIGKILL");
  await ended;
}
