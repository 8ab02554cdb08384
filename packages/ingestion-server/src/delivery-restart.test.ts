import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import { expect, test } from "vitest";
import { APPLICATION, mailboxesNamed } from "./delivery.test.sample.ts";
import {
  capture,
  deliverAll,
  MAILBOXES,
  contextOf,
  ownersOf,
  type Scene,
  settingsFor,
  THIRD_PARTY,
} from "./delivery.test.support.ts";
import type { IngestionServerOptions } from "./server.ts";
import { openStore } from "./store.ts";
import { expectAllOnce } from "./stored.test.support.ts";

const EVENTS = process.env["HANSARD_TORTURE"] ? 10_000 : 600;
const KILLS = process.env["HANSARD_TORTURE"] ? 20 : 3;

test(
  `a sink that is killed ${KILLS} times and started again loses nothing that it accepted, and nothing is doubled`,
  { timeout: 900_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "restart-"));
    const options = {
      folder: join(folder, "server"),
      applications: [APPLICATION],
      mailboxes: [...mailboxesNamed(MAILBOXES), { address: THIRD_PARTY }],
    };
    let { child, port, url } = await start(options);
    const journal = openJournal(join(folder, "journal"));
    const scene: Scene = {
      journal,
      destination: await openMicrosoft365(contextOf(Settings.parse(settingsFor(url)), journal, folder)),
      clockOffsetMs: 0,
    };
    await capture(journal, EVENTS);

    const state = { isDelivered: false };
    const delivery = deliverAll(scene, { kind: "purges" }, 200).finally(() => (state.isDelivered = true));
    for (let kill = 0; kill < KILLS && !state.isDelivered; kill += 1) {
      await sleep(700 + 400 * kill);
      await stop(child);
      await sleep(300);
      ({ child, port, url } = await start({ ...options, port }));
    }
    await delivery;
    await scene.destination.close();
    await journal.close();
    await stop(child);

    const store = await openStore(options.folder);
    try {
      expectAllOnce(store, ownersOf(EVENTS), "Purges");
      await store.settle();
      expect((await store.archive.verify()).problems).toEqual([]);
      expect((await store.archive.stats()).messages).toBe(EVENTS);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  },
);

async function start(options: IngestionServerOptions): Promise<{ child: ChildProcess; port: number; url: string }> {
  const script = fileURLToPath(new URL("server.test.child.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@hansard/source", script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  const url = String(line).trim();
  return { child, url, port: Number(new URL(url).port) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
