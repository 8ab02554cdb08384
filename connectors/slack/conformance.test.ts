import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { conformance } from "@hansard/testkit";
import { connector } from "./src/index.ts";

conformance(connector, {
  fixtures: new URL("./fixtures/", import.meta.url),
  source: {
    events: 7,
    settings: async ({ folder, large }) => {
      await writeExport(folder, large ? largeDays() : DAYS);
      return { export: folder, workspace: "acme", downloadFiles: false };
    },
    later: { events: 3, happen: ({ folder }) => writeExport(folder, { ...DAYS, ...LATER_DAYS }) },
    large: { events: 30_000 },
  },
});

const USERS = [
  { id: "U1", name: "anna", profile: { real_name: "Anna", email: "anna@contoso.example" } },
  { id: "U2", name: "ben", profile: { real_name: "Ben", email: "ben@contoso.example" } },
];
const CHANNELS = [
  { id: "C1", name: "general", created: 1772400000, creator: "U1", members: ["U1", "U2"] },
  { id: "C2", name: "orders", created: 1772400000, creator: "U1", members: ["U1", "U2"] },
];

/** `channel/day` → messages. Two channels have messages of the same time, and one message is of an unknown kind. */
const DAYS: Record<string, object[]> = {
  "general/2026-03-02": [
    said("1772442000.000100", "Good morning"),
    said("1772442060.000200", "An answer", { user: "U2", thread_ts: "1772442000.000100" }),
    said("1772442120.000300", "Mended", { edited: { user: "U1", ts: "1772442180.000000" } }),
  ],
  "general/2026-03-03": [
    said("1772528400.000100", "", { subtype: "hologram", shape: "cube" }),
    said("1772528460.000200", "Liked", { reactions: [{ name: "tada", users: ["U2"], count: 1 }] }),
  ],
  "orders/2026-03-02": [said("1772442000.000100", "At the same time elsewhere"), said("1772442060.000200", "Again")],
};
const LATER_DAYS: Record<string, object[]> = {
  "general/2026-03-03": [...(DAYS["general/2026-03-03"] ?? []), said("1772528460.000300", "Of the same second")],
  "orders/2026-03-04": [said("1772614800.000100", "A new day"), said("1772614801.000100", "And a second later")],
};

function said(ts: string, text: string, more: object = {}): object {
  return { type: "message", user: "U1", ts, text, ...more };
}

function largeDays(): Record<string, object[]> {
  return Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => {
      const start = 1772323200 + index * 86_400;
      const messages = Array.from({ length: 500 }, (_, second) =>
        said(`${start + second}.000100`, `${second} ${"text ".repeat(200)}`),
      );
      return [`general/${new Date(start * 1000).toISOString().slice(0, 10)}`, messages];
    }),
  );
}

async function writeExport(folder: string, days: Record<string, object[]>): Promise<void> {
  await write(folder, "users", USERS);
  await write(folder, "channels", CHANNELS);
  for (const [name, messages] of Object.entries(days)) await write(folder, name, messages);
}

async function write(folder: string, name: string, content: object): Promise<void> {
  await mkdir(join(folder, name, ".."), { recursive: true });
  await writeFile(join(folder, `${name}.json`), JSON.stringify(content));
}
