import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { destination as archivePlugin } from "@hansard/archive";
import type { Connector, MessageDraft, Page } from "@hansard/core";
import { defineConnector } from "@hansard/core";
import { capture, deliver, loadPeopleMap } from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { assertDone, bytesIn } from "./measure.ts";

// One message with an attachment of a gigabyte, in a process that may use a heap of 256 MB.
const [folder = "", megabytes = "1024"] = process.argv.slice(2);
rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "archive"), { recursive: true });
const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();
const start = performance.now();
const journal = openJournal(join(folder, "journal"));
await journal.openSource({ id: "source", connector: "large", version: "1.0.0" });
const connector = largeFile();
const http = { request: refuse, json: refuse, download: refuse };
const captured = await capture({ source: "source", connector, settings: {}, journal, http, log, signal });
if (captured.stopped[0]) throw captured.stopped[0].error;
const destination = await archivePlugin.open({
  id: "archive",
  settings: { mailboxes: "any" } as never,
  blobs: journal.blobs,
  folder: join(folder, "archive"),
  log,
});
const preparation = {
  source: "source",
  connector,
  connectorVersion: "1.0.0",
  people: await loadPeopleMap({ domains: ["here.example"] }),
  policy: { thirdPartyMailbox: "third@here.example" },
  installation: journal.installation,
  blobs: journal.blobs,
  messageBytes: destination.limits.messageBytes,
};
const { copies, quarantined, postponed, stopped } = await deliver({
  preparation,
  destinationId: "archive",
  destination,
  journal,
  grouping: "event",
  log,
  signal,
});
if (stopped !== undefined) throw stopped;
assertDone("messages in quarantine or postponed", quarantined + postponed, 0);
assertDone("copies of the large file", copies, 2);
const problems = await destination.archive?.verify();
if (problems?.length !== 0) throw new Error(`The archive does not verify: ${JSON.stringify(problems)}`);
const stored = bytesIn(join(folder, "archive"));
if (stored < Number(megabytes) * 2 ** 20) throw new Error(`The archive holds ${stored} bytes, which is not the file.`);
await destination.close();
await journal.close();
process.stdout.write(
  JSON.stringify({
    seconds: (performance.now() - start) / 1000,
    maxRss: process.resourceUsage().maxRSS * 1024,
  }),
);

function largeFile(): Connector {
  return defineConnector({
    id: "large",
    source: "Large",
    title: "Large",
    settings: passing(),
    checkpoint: passing(),
    captures: {
      edits: "not-reported",
      deletes: "not-reported",
      attachments: "content",
      reactions: "none",
      participants: "at-the-time",
      history: "All",
    },
    events: { Message: toMessage, Other: toMessage },
    async *read({ blobs }): AsyncGenerator<Page<"Message" | "Other", never>> {
      const blob = await blobs.put(megabytesOf(Number(megabytes)));
      yield {
        events: [
          {
            type: "Message",
            key: "one",
            occurredAt: "2026-01-05T09:00:00Z",
            data: {},
            attachments: [{ id: "f", name: "large.bin", blob }],
          },
        ],
        checkpoint: {} as never,
      };
    },
  });
}

function toMessage({ attachments }: { attachments: { id: string; name: string }[] }): MessageDraft {
  const files = attachments.flatMap((file) =>
    "blob" in file ? [{ ...file, content: { blob: file.blob as { sha256: string; size: number } } }] : [],
  );
  return {
    from: { id: "ann", address: "ann@here.example" },
    to: [{ id: "bob", address: "bob@here.example" }],
    date: "2026-01-05T09:00:00Z",
    subject: "A large file",
    text: "See attached.",
    attachments: files,
  };
}

async function* megabytesOf(count: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(2 ** 20);
  for (let index = 0; index < count; index += 1) {
    for (let offset = 0; offset < chunk.length; offset += 4)
      chunk.writeUInt32LE((Math.imul(index * 262_144 + offset, 2_654_435_761) ^ offset) >>> 0, offset);
    yield Buffer.from(chunk);
  }
}

function passing() {
  return { "~standard": { version: 1 as const, vendor: "hansard", validate: (value: unknown) => ({ value }) } };
}

async function refuse(): Promise<never> {
  throw new Error("A benchmark has no network.");
}
