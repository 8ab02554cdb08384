import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import type { SlackServer } from "../../tooling/servers/slack/index.ts";
import { readAll, type Run } from "./testing/harness.ts";
import { archivedFacts } from "./testing/facts.ts";

const TOKEN = "test_token_admin";
const START_MS = 20_000;

let emulator: ChildProcess | undefined;
let url = "";
let problem = "";

// A server that others wrote, as a check of what ours takes for granted. It knows no Discovery API, no limits and no `oldest`.
beforeAll(async () => {
  const port = await freePort();
  const script = join(import.meta.dirname, "node_modules", "emulate", "dist", "index.js");
  emulator = spawn(process.execPath, [script, "--service", "slack", "--port", String(port)], { stdio: "ignore" });
  url = `http://127.0.0.1:${port}`;
  const until = Date.now() + START_MS;
  while (!(await isUp())) {
    if (Date.now() > until || emulator.exitCode !== null) {
      problem = `emulate did not start on ${url} within ${START_MS} ms.`;
      console.warn(`Skipped: ${problem}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
afterAll(() => emulator?.kill());

test("the Web API client reads what was written to another maker's server", async ({ skip }) => {
  if (problem) skip(problem);
  const { channel } = (await ask("conversations.create", { name: "hansard-check" })) as { channel: { id: string } };
  const said: { ts: string; text: string }[] = [];
  for (let count = 0; count < 7; count += 1) said.push(await say(channel.id, `message ${count} & <more>`));
  const [root] = said;
  if (!root) throw new Error("Nothing was said.");
  const reply = await say(channel.id, "an answer", { thread_ts: root.ts });
  await ask("reactions.add", { channel: channel.id, timestamp: root.ts, name: "tada" });

  const journal = new MemoryJournal();
  const server = { url, world: { now: Date.now() + 5000 } } as SlackServer;
  const input = {
    mode: "web",
    token: TOKEN,
    apiUrl: `${url}/api/`,
    historyPerMinute: 1_000_000,
    rescanHours: 0.000_001,
  };
  const run: Run = { server, journal, input, crash: () => undefined };
  await readAll(run);
  const keys = () =>
    [...journal.events.values()].map(({ key }) => key).filter((key) => key.startsWith(`${channel.id}:`));
  for (const { ts } of [...said, reply]) expect(keys()).toContain(`${channel.id}:${ts}`);
  expect(keys().some((key) => key.startsWith(`${channel.id}:${root.ts}#reaction/tada/`))).toBe(true);

  const [, second, third] = said;
  if (!second || !third) throw new Error("Too little was said.");
  await ask("chat.update", { channel: channel.id, ts: second.ts, text: "mended" });
  await ask("chat.delete", { channel: channel.id, ts: third.ts });
  const late = await say(channel.id, "a late answer", { thread_ts: root.ts });
  server.world.now += 3_600_000;
  await readAll(run);
  expect(keys()).toContain(`${channel.id}:${late.ts}`);
  const facts = [...archivedFacts(journal)];
  expect(facts.filter((text) => text.includes(second.ts) && text.includes("mended"))).toHaveLength(1);
  expect(facts).toContain(JSON.stringify(["delete", channel.id, third.ts]));

  const { size } = journal.events;
  server.world.now += 3_600_000;
  await readAll(run);
  expect(journal.events.size).toBe(size);
});

async function say(
  channel: string,
  text: string,
  more: Record<string, string> = {},
): Promise<{ ts: string; text: string }> {
  const { ts } = (await ask("chat.postMessage", { channel, text, ...more })) as { ts: string };
  return { ts, text };
}

async function ask(method: string, form: Record<string, string>): Promise<unknown> {
  const answer = await fetch(`${url}/api/${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: new URLSearchParams(form),
  });
  const json = (await answer.json()) as { ok: boolean; error?: string };
  if (!json.ok) throw new Error(`${method}: ${json.error}`);
  return json;
}

async function isUp(): Promise<boolean> {
  return fetch(`${url}/api/auth.test`, { method: "POST", headers: { authorization: `Bearer ${TOKEN}` } }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
