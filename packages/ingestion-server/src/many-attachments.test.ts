import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connector } from "@hansard/core";
import { deliver, loadPeopleMap } from "@hansard/core/ingestion";
import { openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import { expect, test } from "vitest";
import { z } from "zod";
import { APPLICATION } from "./delivery.test.sample.ts";
import { contextOf, quiet, settingsFor, THIRD_PARTY } from "./delivery.test.support.ts";
import { openIngestionServer } from "./server.ts";

const ANN = "ann@contoso.example";

test("a message with 300 attachments is stored as two, neither with more than 250, and none is missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "attachments-"));
  const server = await openIngestionServer({
    folder: join(folder, "server"),
    applications: [APPLICATION],
    mailboxes: [{ address: ANN }, { address: THIRD_PARTY }],
  });
  const journal = openJournal(join(folder, "journal"));
  const destination = await openMicrosoft365(contextOf(Settings.parse(settingsFor(server.url)), journal, folder));
  await journal.openSource({ id: "files", connector: "files", version: "1.0.0" });
  const event = { type: "Message", key: "1", occurredAt: "2026-01-05T10:00:00Z", data: {} };
  await journal.append("files", "all", { events: [event] }, new Date());
  const result = await deliver({
    preparation: {
      source: "files",
      connector: connectorOf(300),
      connectorVersion: "1.0.0",
      people: (await loadPeopleMap({ domains: ["contoso.example"] })).forSource("files"),
      policy: { folder: { kind: "inbox" }, thirdPartyMailbox: THIRD_PARTY },
      installation: journal.installation,
      blobs: journal.blobs,
      ...destination.limits,
    },
    destinationId: "m365",
    destination,
    journal,
    grouping: "event",
    log: quiet,
    signal: new AbortController().signal,
  });
  expect(result).toMatchObject({ messages: 2, copies: 2, quarantined: 0 });
  const mailbox = server.store.mailbox(ANN)?.id ?? 0;
  const { items } = server.store.findItems({ mailbox, folder: server.store.wellKnownFolder(mailbox, "inbox").id });
  const stored = items.map((item) => server.store.attachments(item.id).map(({ name }) => name));
  expect(stored.map(({ length }) => length).sort()).toEqual([248, 52]);
  expect(new Set(stored.flat())).toEqual(new Set(Array.from({ length: 300 }, (_, number) => `${number}.txt`)));
  await destination.close();
  await journal.close();
  await server.close();
  await rm(folder, { recursive: true });
});

function connectorOf(attachments: number): Connector {
  const ann = { id: ANN, name: "Ann", address: ANN };
  const map = () => ({
    from: ann,
    to: [ann],
    date: "2026-01-05T10:00:00Z",
    subject: "Many files",
    text: "Many files",
    attachments: Array.from({ length: attachments }, (_, number) => ({
      id: `F${number}`,
      name: `${number}.txt`,
      content: { text: `file ${number}` },
    })),
  });
  return {
    contractVersion: 1,
    id: "files",
    source: "Files",
    title: "Files",
    settings: z.object({}),
    checkpoint: z.object({}),
    captures: {
      edits: "not-reported",
      deletes: "not-reported",
      attachments: "content",
      reactions: "none",
      participants: "current",
      history: "All",
    },
    events: { Message: map, Other: map },
    async *read() {},
  };
}
