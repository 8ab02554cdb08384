import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Folder } from "@hansard/core/ingestion";
import { openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import { expect, test } from "vitest";
import { APPLICATION, mailboxesNamed } from "./delivery.test.sample.ts";
import {
  capture,
  contextOf,
  deliverAll,
  everyFault,
  MAILBOXES,
  ownersOf,
  type Scene,
  settingsFor,
  THIRD_PARTY,
} from "./delivery.test.support.ts";
import { ewsServerOptions, HURRIED, openEwsScene, type Profile } from "./ews-scene.test.support.ts";
import type { IngestionServerOptions } from "./server.ts";
import { openStore } from "./store.ts";
import { expectAllOnce } from "./stored.test.support.ts";

// The server is a process of its own, on which everything goes wrong, and which is killed again and again besides.

const IS_LONG = process.env["HANSARD_TORTURE"] !== undefined;
/** Each goes to two mailboxes. */
const EVENTS = IS_LONG ? 10_000 : 200;
const KILLS = IS_LONG ? 20 : 3;
const SEED = Number(process.env["HANSARD_SEED"] ?? 1);
const RATE = IS_LONG ? 0.05 : 0.01;

interface Way {
  name: "Graph" | Profile;
  target: Folder;
  folderName: string;
}

const WAYS: Way[] = [
  { name: "Graph", target: { kind: "purges" }, folderName: "Purges" },
  { name: "exchange", target: { kind: "visible", path: ["Chat"] }, folderName: "Chat" },
  { name: "partner-ingestion", target: { kind: "purges" }, folderName: "Purges" },
];

// Each has a server of its own, and mostly waits.
(IS_LONG ? test : test.concurrent).each(WAYS)(
  `$name: a sink with every fault that is killed ${KILLS} times and started again loses nothing that it accepted, and nothing is doubled`,
  { timeout: 3_600_000 },
  async ({ name, target, folderName }) => {
    const said = { issued: 0, expired: 0 };
    const folder = await mkdtemp(join(tmpdir(), "restart-"));
    const options = { ...serverOptions(folder, name), faults: everyFault(RATE), seed: SEED };
    let server = await start(options, said);
    const scene = await openScene(server.url, folder, name);
    await capture(scene.journal, EVENTS);

    const state = { isDelivered: false };
    const delivery = deliverAll(scene, target, 400).finally(() => (state.isDelivered = true));
    let kills = 0;
    for (; kills < KILLS && !state.isDelivered; kills += 1) {
      await sleep(300 + ((SEED + kills) % 5) * 150);
      await stop(server.child);
      await sleep(300);
      server = await start({ ...options, port: server.port, seed: SEED + kills + 1 }, said);
    }
    await delivery;
    await scene.close();
    await stop(server.child);
    expect(kills).toBe(KILLS);
    // The answer to a request for a token may be lost with the server.
    expect(said.issued).toBeLessThanOrEqual(said.expired + 1 + KILLS);

    const store = await openStore(options.folder);
    try {
      expectAllOnce(store, ownersOf(EVENTS), folderName);
      expect(store.duplicates()).toEqual([]);
      await store.settle();
      expect((await store.archive.verify()).problems).toEqual([]);
      expect((await store.archive.stats()).messages).toBe(EVENTS);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  },
);

function serverOptions(folder: string, name: Way["name"]): IngestionServerOptions {
  if (name !== "Graph") return ewsServerOptions(folder, name);
  return {
    folder: join(folder, "server"),
    applications: [APPLICATION],
    mailboxes: [...mailboxesNamed(MAILBOXES), { address: THIRD_PARTY }],
  };
}

async function openScene(url: string, folder: string, name: Way["name"]): Promise<Scene & { close(): Promise<void> }> {
  if (name !== "Graph") return openEwsScene(url, folder, name, HURRIED);
  const journal = openJournal(join(folder, "journal"));
  const destination = await openMicrosoft365(contextOf(Settings.parse(settingsFor(url)), journal, folder));
  return {
    journal,
    destination,
    destinationId: "m365",
    clockOffsetMs: 0,
    async close() {
      await destination.close();
      await journal.close();
    },
  };
}

/** What became of tokens, over all of a server's lives. */
interface Said {
  issued: number;
  expired: number;
}

interface Running {
  child: ChildProcess;
  port: number;
  url: string;
}

async function start(options: IngestionServerOptions, said: Said): Promise<Running> {
  const script = fileURLToPath(new URL("server.test.child.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@hansard/source", script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "issued" || line === "expired") said[line] += 1;
      else resolve(line);
    });
  });
  return { child, url, port: Number(new URL(url).port) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
