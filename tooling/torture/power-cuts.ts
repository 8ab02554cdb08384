import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { randomFrom } from "../random.ts";
import { eventsIn } from "./random-kills.ts";
import { openRecovery } from "./recovery.ts";
import { startChild } from "./run-child.ts";
import type { Scenario } from "./scenarios.ts";
import type { Torture, TortureResult } from "./torture-result.ts";

const IMAGE_MEGABYTES = 96;
const LOAD: Scenario = {
  installed: false,
  settings: { seed: 3, partitions: 1, events: 600, pageEvents: 5, files: true, unmappableEvery: 0, strangers: false },
  concurrency: 1,
  grouping: "event",
  batchEvents: 20,
  mends: false,
};

/**
 * Cuts the power: the program runs on a file system in an image; in the middle it is stopped, and the image is copied as
 * it is. What only the operating system's memory holds is not in the copy, as it would not be after a power cut.
 */
export async function powerCuts({ bundle, sound, seed, onProgress }: Torture, cuts: number): Promise<TortureResult> {
  const random = randomFrom(seed);
  const result: TortureResult = { hits: 0, problems: [] };
  const recovery = openRecovery(bundle, sound);
  const folder = mkdtempSync(join(tmpdir(), "hansard-power-"));
  const [image, copy, disk] = [join(folder, "image"), join(folder, "copy"), join(folder, "disk")];
  mkdirSync(disk);
  try {
    for (let cut = 0; cut < cuts && result.problems.length === 0; cut += 1) {
      makeFileSystem(image);
      mount(image, disk);
      const scenario = { ...LOAD, settings: { ...LOAD.settings, seed: seed + cut } };
      const { process, ended, promised } = startChild({ bundle, folder: join(disk, "data"), scenario });
      await sleep(150 + Math.floor(random() * 500));
      process.kill("SIGSTOP");
      // What was promised up to now must be on the disk now.
      await sleep(20);
      const durable = promised();
      run("cp", "--sparse=always", image, copy);
      process.kill("SIGKILL");
      await ended;
      await unmount(disk);
      mount(copy, disk);
      result.hits += 1;
      const found = eventsIn(join(disk, "data"));
      if (found < durable) result.problems.push(`Cut ${cut}: ${durable} events were promised and ${found} survived.`);
      result.problems.push(
        ...(await recovery.finish(join(disk, "data"), scenario)),
        ...(await recovery.inspect(join(disk, "data"), scenario)),
      );
      await unmount(disk);
      onProgress?.(`${result.hits} of ${cuts} power cuts`);
    }
  } finally {
    recovery.close();
    spawnSync("umount", ["-l", disk]);
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

/** Whether this machine lets us make and mount a file system: root, and loop devices. */
export function canCutPower(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "hansard-mount-"));
  try {
    const image = join(folder, "image");
    makeFileSystem(image);
    mkdirSync(join(folder, "disk"));
    mount(image, join(folder, "disk"));
    run("umount", join(folder, "disk"));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A process that was just killed may hold the disk for a moment longer. */
async function unmount(disk: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    if (spawnSync("umount", [disk]).status === 0) return;
    await sleep(100);
  }
  run("umount", disk);
}

function makeFileSystem(image: string): void {
  rmSync(image, { force: true });
  run("truncate", "-s", `${IMAGE_MEGABYTES}M`, image);
  run("mkfs.ext4", "-q", "-F", image);
}

function mount(image: string, disk: string): void {
  run("mount", "-o", "loop", image, disk);
}

function run(command: string, ...rest: string[]): void {
  const { status, stderr, error } = spawnSync(command, rest, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${rest.join(" ")} failed: ${error?.message ?? stderr}`);
}
