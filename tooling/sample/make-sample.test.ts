import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { makeRecording } from "./recording.ts";

test(
  "makes the same zip each time and in every time zone, with a recording of 12 MB",
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "hansard-sample-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const digests = new Set<string>();
    for (const zone of ["UTC", "Asia/Tokyo"]) {
      const program = `import { makeSample } from ${JSON.stringify(join(import.meta.dirname, "make-sample.ts"))}; console.log(await makeSample(${JSON.stringify(join(folder, zone))}));`;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--input-type=module-typescript", "--eval", program],
        { env: { ...process.env, TZ: zone } },
      );
      const zip = await readFile(stdout.trim());
      expect(zip.length).toBeGreaterThan(12_000_000);
      digests.add(createHash("sha256").update(zip).digest("hex"));
    }
    expect(digests.size).toBe(1);
    const recording = makeRecording();
    expect([recording.length, recording.subarray(0, 4).toString(), recording.readUInt32LE(40)]).toEqual([
      12_000_044,
      "RIFF",
      12_000_000,
    ]);
  },
);
