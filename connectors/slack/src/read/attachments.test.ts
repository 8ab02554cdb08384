import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpClient } from "@hansard/core";
import { createHttpClient } from "@hansard/core/ingestion";
import { expect, onTestFinished, test } from "vitest";
import type { MemoryJournal } from "@hansard/testkit";
import { BASE, DAY, said, writeZip } from "../export.test.support.ts";
import { runSource } from "../journal.test.support.ts";
import { silent } from "../offline.test.support.ts";
import { events } from "../map.ts";

const TOKEN = "xoxe-1234-5678-abcdef";

/** The real client, with Slack's host played by a server on this machine. */
async function slackServer(listener: RequestListener): Promise<{ http: HttpClient; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? "");
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createHttpClient({
    hosts: [host],
    allowPrivate: [host],
    signal: new AbortController().signal,
    log: silent,
    userAgent: "test",
    maxRetries: 1,
    backoffMs: 1,
  });
  onTestFinished(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  const http: HttpClient = {
    ...client,
    download: (url, request) => client.download(url.replace("https://files.slack.com", `http://${host}`), request),
  };
  return { http, seen };
}

function shared(id: string, size: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    files: [
      {
        id,
        name: `${id}.txt`,
        mimetype: "text/plain",
        size,
        mode: "hosted",
        url_private_download: `https://files.slack.com/files-pri/${id}?t=${TOKEN}`,
        ...more,
      },
    ],
  };
}

async function archive(messages: unknown[], http: HttpClient, settings = {}): Promise<MemoryJournal> {
  return runSource({
    settings: { export: await writeZip({ ...BASE, [`general/${DAY}.json`]: messages }), ...settings },
    http,
  });
}

function attachmentsOf(journal: MemoryJournal): string[] {
  return journal
    .capturedEvents()
    .flatMap(({ attachments }) =>
      attachments.map((attachment) =>
        "blob" in attachment
          ? (journal.blobs.get(attachment.blob.sha256)?.toString() ?? "")
          : `! ${attachment.unavailable}`,
      ),
    );
}

test("fetches files with the link of the export and keeps their bytes", async () => {
  const { http, seen } = await slackServer(
    (_request, response) => void response.setHeader("content-type", "text/plain").end("hello"),
  );
  const journal = await archive([said(1, "", shared("F01", 5))], http);
  expect(seen).toEqual([`/files-pri/F01?t=${TOKEN}`]);
  expect(attachmentsOf(journal)).toEqual(["hello"]);
  expect(journal.gaps.size).toBe(0);
});

test("does not take a log-in page, a file of another length or a refusal for the file, and shows no token", async () => {
  const { http } = await slackServer((request, response) => {
    if (request.url?.includes("F01")) response.setHeader("content-type", "text/html").end("<h1>Sign in</h1>");
    else if (request.url?.includes("F02")) response.setHeader("content-type", "text/plain").end("too long for it");
    else response.writeHead(403).end();
  });
  const journal = await archive(
    [said(1, "", shared("F01", 16)), said(2, "", shared("F02", 5)), said(3, "", shared("F03", 5))],
    http,
  );
  const reasons = attachmentsOf(journal);
  expect(reasons).toHaveLength(3);
  expect(reasons[0]).toContain("a page in its place");
  expect(reasons.every((reason) => reason.startsWith("! "))).toBe(true);
  expect([...journal.gaps.values()].map(({ events }) => events)).toEqual([0, 0, 0]);
  expect([...journal.gaps.values()].map(({ reason }) => reason).join()).toContain(
    'The file "F02.txt" (F02) of the message C00000001:1700000002.000100 is missing',
  );
  expect(JSON.stringify([reasons, [...journal.gaps]])).not.toContain("xoxe-");
  const notes = journal.capturedEvents().map((event) => events.FileShare(event).notes);
  expect(notes.every((note) => note?.[0]?.startsWith('The file "F0'))).toBe(true);
});

test("asks a host that cannot be reached no more than twice in a run", async () => {
  const { http, seen } = await slackServer((request) => void request.socket.destroy());
  const messages = Array.from({ length: 50 }, (_, index) => said(index, "", shared(`F0${index}`, 5)));
  const journal = await archive(messages, http);
  expect(new Set(seen).size).toBe(2);
  expect(attachmentsOf(journal)[49]).toBe("! files.slack.com could not be reached in this run.");
  expect(journal.gaps.size).toBe(50);
});

test("waits as long as Slack asks for, and goes on", async () => {
  let asked = 0;
  const { http } = await slackServer((_request, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(429, { "retry-after": "0" }).end();
    else response.setHeader("content-type", "text/plain").end("hello");
  });
  expect(attachmentsOf(await archive([said(1, "", shared("F01", 5))], http))).toEqual(["hello"]);
});

test("sends nothing to other hosts and asks for nothing that cannot be had", async () => {
  const { http, seen } = await slackServer((_request, response) => void response.end("no"));
  const url = (link: string) => ({ url_private_download: link });
  const journal = await archive(
    [
      said(1, "", shared("F01", 5, url("https://files.slack.com.evil.example/x"))),
      said(2, "", shared("F02", 5, url("http://169.254.169.254/latest"))),
      said(3, "", shared("F03", 5, { mode: "tombstone" })),
      said(4, "", shared("F04", 5, { mode: "hidden_by_limit" })),
      said(5, "", shared("F05", 5, { mode: "external", external_type: "gdrive" })),
      said(6, "", shared("F06", 5_000_000)),
      said(7, "", { files: [{ id: "F07" }] }),
    ],
    http,
    { maxFileBytes: 1_000_000 },
  );
  expect(seen).toEqual([]);
  expect(attachmentsOf(journal)).toEqual([
    "! Its link leads to files.slack.com.evil.example, which is not Slack.",
    "! Its link leads to 169.254.169.254, which is not Slack.",
    "! It was deleted in Slack before it could be fetched.",
    "! Slack hides it because the workspace is over the limit of its plan.",
    "! It is kept outside Slack (gdrive); only the link to it was shared.",
    "! It has 5000000 bytes, and the settings allow 1000000.",
    "! The export gives no link to it.",
  ]);
});

test("fetches nothing where the settings say so", async () => {
  const { http, seen } = await slackServer((_request, response) => void response.end("no"));
  const journal = await archive([said(1, "", shared("F01", 5))], http, { downloadFiles: false });
  expect(seen).toEqual([]);
  expect(attachmentsOf(journal)).toEqual(["! The settings say not to download files."]);
});
