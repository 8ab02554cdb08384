import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { SettingsError } from "@hansard/core";
import { z } from "zod";
import { fileErrorCode } from "./durable.ts";

const Holder = z.object({ host: z.string(), process: z.int() });
const heldHere = new Set<string>();

/** Keeps a second writer away from the folder, whose chain it would break. Gives the function that lets go. */
export async function lockFolder(root: string): Promise<() => Promise<void>> {
  const path = join(root, ".hansard", "lock");
  if (heldHere.has(path)) throw inUse(root, "this process");
  if (!(await take(path))) {
    const holder = await holderOf(path);
    if (holder && isAlive(holder)) throw inUse(root, `process ${holder.process} on ${holder.host}`);
    // Its holder ended without letting go.
    await rm(path, { force: true });
    if (!(await take(path))) throw inUse(root, "another process");
  }
  heldHere.add(path);
  return async () => {
    heldHere.delete(path);
    await rm(path, { force: true });
  };
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(JSON.stringify({ host: hostname(), process: process.pid }));
    await file.close();
    return true;
  } catch (error) {
    if (fileErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function holderOf(path: string): Promise<z.infer<typeof Holder> | undefined> {
  try {
    return Holder.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** A holder on another host is taken to live: only an operator can know. */
function isAlive(holder: z.infer<typeof Holder>): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.process === process.pid) return false;
  try {
    process.kill(holder.process, 0);
    return true;
  } catch (error) {
    return fileErrorCode(error) === "EPERM";
  }
}

function inUse(root: string, who: string): SettingsError {
  return new SettingsError(`The folder ${root} is in use by ${who}.`, {
    remedy: `Give each destination a folder of its own. If nothing uses it, delete ${join(root, ".hansard", "lock")}.`,
  });
}
