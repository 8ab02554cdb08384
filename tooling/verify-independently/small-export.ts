import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Installation } from "@hansard/runner";
import { capture, deliver } from "@hansard/core/ingestion";
import { ROOT } from "../workspace.ts";
import { writeExport } from "../../apps/runner/src/export/write-export.ts";

const PEOPLE = ["ann", "bob", "cem"];

/** Of a mail: a message with more text than this becomes a series. */
const MESSAGE_BYTES = 6000;

/** Captures and delivers a small Slack export, one message of it as a series of parts, and exports it twice: whole, and what a query finds. */
export async function smallExports(): Promise<{ folder: string; whole: string; partial: string; head: string }> {
  const folder = mkdtempSync(join(tmpdir(), "hansard-verify-"));
  writeSlackExport(join(folder, "slack"));
  writeFileSync(join(folder, "hansard.yaml"), CONFIGURATION);
  mkdirSync(join(folder, "node_modules", "@hansard"), { recursive: true });
  const installation = new Installation({ config: join(folder, "hansard.yaml") });
  const { signal } = new AbortController();
  const source = await installation.source("slack");
  const open = await installation.destination("archive");
  const { journal, log } = installation;
  await journal.openSource({ id: "slack", connector: "slack", version: source.version });
  await capture({
    source: "slack",
    connector: source.connector,
    settings: source.settings,
    journal,
    http: installation.http(source, signal),
    log,
    signal,
  });
  await deliver({
    preparation: { ...(await installation.preparation(source, open)), messageBytes: MESSAGE_BYTES },
    destinationId: "archive",
    destination: open.destination,
    journal,
    grouping: "event",
    log,
    signal,
    batchEvents: 5,
  });
  const { archive } = open.destination;
  if (!archive) throw new Error("The archive cannot be searched.");
  const [whole, partial] = [join(folder, "whole"), join(folder, "partial")];
  const { head } = await writeExport(whole, { journal, archive, destination: "archive" }, () => undefined);
  await writeExport(
    partial,
    { journal, archive, destination: "archive", query: "number3 OR number4" },
    () => undefined,
  );
  await installation.close();
  return { folder, whole, partial, head: head.hash };
}

const CONFIGURATION = `sources:
  slack: { connector: ${join(ROOT, "connectors", "slack", "src", "index.ts")}, settings: { export: slack, downloadFiles: false } }
destinations:
  archive: { plugin: ${join(ROOT, "packages", "archive", "src", "index.ts")}, thirdPartyMailbox: third@example.com }
people: { domains: [example.com] }
`;

function writeSlackExport(folder: string): void {
  mkdirSync(join(folder, "general"), { recursive: true });
  const ids = PEOPLE.map((name) => `U${name.toUpperCase()}`);
  writeFileSync(
    join(folder, "users.json"),
    JSON.stringify(PEOPLE.map((name, index) => ({ id: ids[index], name, profile: { email: `${name}@example.com` } }))),
  );
  writeFileSync(join(folder, "channels.json"), JSON.stringify([{ id: "C1", name: "general", members: ids }]));
  const messages = Array.from({ length: 18 }, (_, index) => ({
    type: "message",
    user: ids[index % 3],
    text: `This is number${index}, a line of text. ${"It goes on and on. ".repeat(index === 7 ? MESSAGE_BYTES / 10 : 0)}`,
    ts: `17000000${10 + index}.000100`,
  }));
  writeFileSync(join(folder, "general", "2023-11-14.json"), JSON.stringify(messages));
}
