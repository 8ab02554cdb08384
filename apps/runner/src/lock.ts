import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SettingsError } from "@hansard/core";

/**
 * Makes sure that one process at a time writes to a data folder. The lock is the operating system's own, held by an open
 * transaction: it goes with the process, however that ends.
 */
export function lockDataFolder(
  folder: string,
  remedy = "Wait until it has ended, or stop it; reading commands work meanwhile.",
): { release(): void } {
  mkdirSync(folder, { recursive: true });
  const database = new DatabaseSync(join(folder, "lock.db"), { timeout: 500 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new SettingsError(`Another hansard is writing to ${folder}.`, { remedy, cause: error });
  }
  return { release: () => database.close() };
}
