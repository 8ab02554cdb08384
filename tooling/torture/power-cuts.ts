import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { randomFrom } from "../random.ts";
import { eventsIn } from "./random-kills.ts";
import { openRecovery } from "./recovery.ts";
import { startChild } from "./run-child.ts";
import type { Scenario } from "./scenarios.ts";
import type { Point, Run } from "./strike.ts";
import { strikeByPreload, strikeEnvironment } from "./strike-by-preload.ts";
import type { Torture, TortureResult } from "./torture-result.ts";

const IMAGE_MEGABYTES = 96;
const LOAD: Scenario = {
  installed: false,
  settings: { seed: 3, partitions: 1, events: 240, pageEvents: 5, files: true, unmappableEvery: 0, strangers: false },
  concurrency: 1,
  grouping: "event",
  batchEvents: 10,
  mends: false,
};

/**
 * Cuts the power: the program runs on a file system in an image; in the middle it is stopped, and the image is copied as
 * it is. What only the operating system's memory holds is not in the copy, as it would not be after a power cut.
 */
export async function powerCuts({ bundle, sound, seed, onProgress }: Torture, cuts: number): Promise<TortureResult> {
  const random = randomFrom(seed);
  const recovery = openRecovery(bundle, sound);
  const folder = mkdtempSync(join(tmpdir(), "hansard-power-"));
  const disk = join(folder, "disk");
  const result: TortureResult = { hits: 0, problems: [] };
  mkdirSync(disk);
  // What is mounted outlives the process.
  const end = () => process.exit(1);
  process.once("SIGTERM", end).once("SIGINT", end).once("exit", cleanUp);
  try {
    const points = await pointsOf(bundle, join(folder, "counted"));
    for (let cut = 0; result.hits < cuts && result.problems.length === 0; cut += 1) {
      const run = { bundle, folder: join(disk, "data"), scenario: withSeed(seed + cut) };
      const point = points && pick(points, random());
      const { durable, struck, failed } = await cutPower(folder, run, point ?? Math.floor(random() * 1000));
      // Runs differ by some calls: what came to its end before its point was not cut off.
      if (struck) result.hits += 1;
      const found = eventsIn(run.folder);
      const wrong = [
        ...(failed === undefined ? [] : [`It failed before the cut: ${failed}`]),
        ...(found < durable ? [`${durable} events were promised and ${found} survived.`] : []),
        ...(await recovery.finish(run.folder, run.scenario)),
        ...(await recovery.inspect(run.folder, run.scenario)),
      ];
      const place = point ? `at call ${point.call} of ${point.thread}` : "at a random moment";
      result.problems.push(...wrong.map((problem) => `Cut ${cut}, ${place}: ${problem}`));
      await unmount(disk);
      onProgress?.(`${result.hits} of ${cuts} power cuts`);
    }
  } finally {
    recovery.close();
    cleanUp();
    process.off("SIGTERM", end).off("SIGINT", end).off("exit", cleanUp);
  }
  return result;

  function cleanUp(): void {
    spawnSync("umount", ["-l", disk]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function withSeed(seed: number): Scenario {
  return { ...LOAD, settings: { ...LOAD.settings, seed } };
}

/** How many calls each thread makes that change the disk. Undefined where nothing compiles C, and moments must do instead. */
async function pointsOf(bundle: string, folder: string): Promise<Map<string, number> | undefined> {
  return strikeByPreload()?.count({ bundle, folder, scenario: LOAD }, "stop");
}

/** The calls of all threads lie on a line from 0 to 1. */
function pick(counts: Map<string, number>, where: number): Point {
  let left = Math.floor(where * [...counts.values()].reduce((sum, calls) => sum + calls, 0));
  for (const [thread, calls] of counts) {
    if (left < calls) return { thread, call: left + 1 };
    left -= calls;
  }
  throw new Error(`There is no call at ${where}.`);
}

/**
 * Runs the program on a new disk, stops it at a point or after so many milliseconds of its work, and mounts what the disk held then. Gives
 * how many events had been promised, whether it was cut off at all, and why it failed by itself, if it did.
 */
async function cutPower(
  folder: string,
  run: Run,
  where: Point | number,
): Promise<{ durable: number; struck: boolean; failed: string | undefined }> {
  const [image, copy, disk, log] = [
    join(folder, "image"),
    join(folder, "copy"),
    join(folder, "disk"),
    join(folder, "log"),
  ];
  makeFileSystem(image);
  mount(image, disk);
  const environment =
    typeof where === "number" ? {} : strikeEnvironment({ folder: run.folder, act: "stop", point: where, log });
  const { process, started, ended, promised } = startChild({ ...run, environment });
  await started;
  if (typeof where === "number") await sleep(where);
  else while (process.exitCode === null && !isStruck(log)) await sleep(2);
  const { exitCode } = process;
  process.kill("SIGSTOP");
  // What was promised up to now must be on the disk now.
  await sleep(20);
  const durable = promised();
  shell("cp", "--sparse=always", image, copy);
  process.kill("SIGKILL");
  const { stderr } = await ended;
  rmSync(log, { force: true });
  await unmount(disk);
  mount(copy, disk);
  return { durable, struck: exitCode === null, failed: exitCode === null || exitCode === 0 ? undefined : stderr };
}

function isStruck(log: string): boolean {
  return (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0;
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
    shell("umount", join(folder, "disk"));
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
  shell("umount", disk);
}

function makeFileSystem(image: string): void {
  rmSync(image, { force: true });
  shell("truncate", "-s", `${IMAGE_MEGABYTES}M`, image);
  shell("mkfs.ext4", "-q", "-F", image);
}

function mount(image: string, disk: string): void {
  shell("mount", "-o", "loop", image, disk);
}

function shell(command: string, ...rest: string[]): void {
  const { status, stderr, error } = spawnSync(command, rest, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${rest.join(" ")} failed: ${error?.message ?? stderr}`);
}
