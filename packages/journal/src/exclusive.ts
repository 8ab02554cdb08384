import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "@hansard/core";

const SQLITE_BUSY = 5;
const PAUSE_MS = 50;
/** Longer than a refresh of a sign-in takes, its own waiting for an answer included. */
const LONGEST_WAIT_MS = 120_000;

/**
 * Runs `work` while no other work holds `file`, of this process or another. The lock is the operating system's own, held
 * by an open transaction: it goes with the process, however that ends.
 */
export async function exclusively<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  const lock = await acquire(file);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

async function acquire(file: string): Promise<DatabaseSync> {
  const givenUpAt = Date.now() + LONGEST_WAIT_MS;
  for (;;) {
    const lock = tryLock(file);
    if (lock) return lock;
    if (Date.now() > givenUpAt)
      throw new UnavailableError(`Another process has held ${file} for ${LONGEST_WAIT_MS / 1000} seconds.`, {
        remedy: "Look for a hansard that hangs, and end it.",
      });
    await sleep(PAUSE_MS);
  }
}

function tryLock(file: string): DatabaseSync | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY)
      return undefined;
    throw error;
  }
}
