import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestInstallation } from "./installation.ts";

/** Writes an unpacked Slack export of one channel and day, `slack`: people by their ids, with an address or without one. */
export function writeSlackFolder(
  { folder }: TestInstallation,
  people: Record<string, string | undefined>,
  said: { user: string; text: string }[],
): void {
  const root = join(folder, "slack");
  mkdirSync(join(root, "general"), { recursive: true });
  const users = Object.entries(people).map(([id, email]) => ({ id, name: id, profile: { email } }));
  writeFileSync(join(root, "users.json"), JSON.stringify(users));
  const members = Object.keys(people);
  writeFileSync(join(root, "channels.json"), JSON.stringify([{ id: "C1", name: "general", members }]));
  const start = Date.parse("2026-01-05") / 1000 + 3600;
  const messages = said.map((one, index) => ({ type: "message", ...one, ts: `${start + index}.000100` }));
  writeFileSync(join(root, "general", "2026-01-05.json"), JSON.stringify(messages));
}
