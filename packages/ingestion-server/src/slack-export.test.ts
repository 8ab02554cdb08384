import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connector } from "@hansard/connector-slack";
import { capture, createHttpClient, type Delivery, deliver, loadPeopleMap } from "@hansard/core/ingestion";
import { openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import type { FileAttachment, Message as GraphMessage } from "@microsoft/microsoft-graph-types";
import { expect, test } from "vitest";
import { APPLICATION } from "./delivery.test.sample.ts";
import { contextOf, quiet, settingsFor, THIRD_PARTY } from "./delivery.test.support.ts";
import { graphClient } from "./graph-client.test.support.ts";
import { openIngestionServer } from "./server.ts";

// A real workspace's export, 1,382 messages and 3 entries in its log of integrations. It is not part of this repository: without it this test is skipped.
const EXPORT = fileURLToPath(new URL("../../../../shared/data/slack-community-export.zip", import.meta.url));
/** Three of its people have a mailbox; the rest go to the third-party data mailbox. */
const THREE = ["stefan.ionescu@contoso.example", "farid.jansen@contoso.example", "marta.zeman@contoso.example"];

test.skipIf(!existsSync(EXPORT))(
  "a real export goes through Graph, and Microsoft's client reads back what was sent (skipped where the file is absent)",
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "slack-graph-"));
    const server = await openIngestionServer({
      folder: join(folder, "server"),
      applications: [APPLICATION],
      mailboxes: [...THREE, THIRD_PARTY].map((address) => ({ address })),
    });
    const journal = openJournal(join(folder, "journal"));
    const destination = await openMicrosoft365(
      contextOf(Settings.parse(settingsFor(server.url, { timeoutMs: 60_000 })), journal, folder),
    );
    const sent: Delivery[] = [];
    try {
      await captureExport(journal, folder);
      const signal = new AbortController().signal;
      const people = await loadPeopleMap({
        directory: (address) => destination.resolve?.(address) ?? Promise.resolve(undefined),
      });
      const result = await deliver({
        preparation: {
          source: "slack",
          connector,
          connectorVersion: "1.0.0",
          people: people.forSource("slack"),
          policy: { folder: { kind: "visible", path: ["Slack"] }, thirdPartyMailbox: THIRD_PARTY },
          installation: journal.installation,
          blobs: journal.blobs,
          messageBytes: destination.limits.messageBytes,
          attachSource: true,
        },
        destinationId: "m365",
        destination: {
          ...destination,
          submit(deliveries, options) {
            sent.push(...deliveries);
            return destination.submit(deliveries, options);
          },
        },
        journal,
        grouping: "event",
        log: quiet,
        signal,
      });
      expect(result).toMatchObject({ messages: 1385, quarantined: 0, postponed: 0 });
      expect(result.copies).toBe(sent.length);
      expect(await readAll(server.url, server.tokens.issue(APPLICATION, "https://graph.microsoft.com"))).toEqual(
        expectationOf(sent),
      );
      const [books] = await journal.books();
      expect(books).toMatchObject({ captured: 1385, delivered: 1385, quarantined: 0, pending: 0, unaccounted: 0 });
      await server.store.settle();
      expect((await server.store.archive.stats()).messages).toBe(1385);
    } finally {
      await destination.close();
      await journal.close();
      await server.close();
      await rm(folder, { recursive: true });
    }
  },
);

async function captureExport(journal: ReturnType<typeof openJournal>, folder: string): Promise<void> {
  const validated = await connector.settings["~standard"].validate({
    mode: "export",
    export: EXPORT,
    downloadFiles: false,
  });
  if (validated.issues) throw new Error(JSON.stringify(validated.issues));
  const signal = new AbortController().signal;
  const http = createHttpClient({ hosts: [], signal, log: quiet, userAgent: "Hansard" });
  await journal.openSource({ id: "slack", connector: "slack", version: "1.0.0" });
  const { captured, stopped } = await capture({
    source: "slack",
    connector,
    settings: validated.value,
    journal,
    http,
    log: quiet,
    signal,
  });
  await http.close();
  expect(`${captured} ${stopped.map(({ error }) => String(error)).join()} ${folder === "" ? "" : "ok"}`).toBe(
    "1385  ok",
  );
}

interface Seen {
  place: string;
  class: string | undefined;
  subject: string | null | undefined;
  date: string | null | undefined;
  isDraft: boolean | null | undefined;
  from: string;
  to: string[];
  body: string;
  attachments: string[];
}

/** Everything in the four mailboxes, by mailbox and Message-ID. */
async function readAll(url: string, token: string): Promise<Record<string, Seen>> {
  const client = graphClient(url, token);
  const seen: Record<string, Seen> = {};
  for (const mailbox of [...THREE, THIRD_PARTY]) {
    const folders: { id: string; displayName: string }[] = (
      await client.api(`/users/${mailbox}/mailFolders`).top(100).get()
    ).value;
    for (const { id, displayName } of folders) {
      let page = await client
        .api(`/users/${mailbox}/mailFolders/${id}/messages`)
        .top(200)
        .expand("singleValueExtendedProperties($filter=id eq 'String 0x001A')")
        .get();
      for (;;) {
        for (const message of page.value as GraphMessage[]) {
          const attachments: FileAttachment[] = message.hasAttachments
            ? (await client.api(`/users/${mailbox}/messages/${message.id}/attachments`).get()).value
            : [];
          seen[`${mailbox} ${message.internetMessageId}`] = {
            place: displayName,
            class: message.singleValueExtendedProperties?.[0]?.value ?? undefined,
            subject: message.subject,
            date: message.receivedDateTime,
            isDraft: message.isDraft,
            from: message.from?.emailAddress?.address ?? "",
            to: (message.toRecipients ?? []).map(
              ({ emailAddress }) => `${emailAddress?.name} <${emailAddress?.address}>`,
            ),
            body: message.body?.content ?? "",
            attachments: attachments.map(({ name, contentBytes }) => `${name} ${contentBytes}`),
          };
        }
        const next: string | undefined = page["@odata.nextLink"];
        if (next === undefined) break;
        page = await client.api(next.slice(`${url}/v1.0`.length)).get();
      }
    }
  }
  return seen;
}

function expectationOf(sent: Delivery[]): Record<string, Seen> {
  return Object.fromEntries(
    sent.map(({ mailbox, message, folder }): [string, Seen] => [
      `${mailbox} ${message.id}`,
      {
        place: folder.kind === "visible" ? (folder.path[0] ?? "") : "Inbox",
        class: message.messageClass,
        subject: message.subject,
        date: `${message.date.slice(0, 19)}Z`,
        isDraft: false,
        from: message.from.address,
        to: message.to.map(({ name, address }) => `${name ?? address} <${address}>`),
        body: message.html ?? message.text,
        attachments: message.attachments.map(
          ({ name, content }) => `${name} ${"text" in content ? Buffer.from(content.text).toString("base64") : "blob"}`,
        ),
      },
    ]),
  );
}
