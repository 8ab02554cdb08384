import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import type { DeliverResult } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { certificateFor, hasOpenssl } from "./certificate.test.support.ts";
import { capture, deliverOnce } from "./delivery.test.support.ts";
import { type EwsScene, ewsServerOptions, openEwsScene } from "./ews-scene.test.support.ts";
import { ACCOUNT, THIRD_PARTY } from "./ews.test.support.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";

// What can be wrong with the certificate of a server on the premises: `check` and the run name it before anything is sent,
// and say what to do. (All are skipped without the command `openssl`, which makes the certificates.)

const EVENTS = 3;
let folder: string;
let server: IngestionServer;
let scene: EwsScene;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ews-certificates-"));
});

afterEach(async () => {
  await scene?.close();
  await server?.close();
  await rm(folder, { recursive: true });
});

test.skipIf(!hasOpenssl).each([
  {
    what: "has expired",
    days: { from: -400, until: -2 },
    reason: "its certificate has expired",
    remedy: "Renew the certificate on the server",
  },
  {
    what: "is not valid yet",
    days: { from: 2, until: 400 },
    reason: "its certificate is not valid yet",
    remedy: "clocks",
  },
  {
    what: "is another host's",
    name: "other.example",
    reason: "its certificate is for another name",
    remedy: "Set `url` to a name that the certificate is for",
  },
  { what: "nobody trusts", isTrusted: false, reason: "self-signed", remedy: "Set `caFile`" },
])(
  "a server whose certificate $what is named by `check`, and the delivery stops there with what to do",
  async ({ name = "localhost", days = { from: -1, until: 90 }, isTrusted = true, reason, remedy }) => {
    await open(name, days, isTrusted);
    const { error, delivered } = await tried();
    const sentence = `No trusted connection to ${new URL(server.url).host}: ${reason}`;
    expect(error).toMatchObject({
      message: expect.stringContaining(sentence),
      remedy: expect.stringContaining(remedy),
    });
    expect(delivered).toMatchObject({ messages: 0, copies: 0, quarantined: 0 });
    expect(delivered.stopped).toMatchObject({
      kind: "settings",
      message: expect.stringContaining(sentence),
      remedy: expect.stringContaining(remedy),
    });
  },
);

test.skipIf(!hasOpenssl)(
  "a server's certificate that ends soon is announced, and what is trusted delivers",
  async () => {
    await open("localhost", { from: -1, until: 9.5 }, true);
    const { findings, delivered } = await tried();
    expect(findings.find(({ message }) => message.includes("certificate"))).toMatchObject({
      level: "warning",
      message: expect.stringMatching(/certificate of localhost:\d+ ends in 9 days/),
      remedy: expect.stringContaining("Renew it"),
    });
    expect(delivered).toMatchObject({ messages: EVENTS, postponed: 0 });
  },
);

async function open(name: string, days: { from: number; until: number }, isTrusted: boolean): Promise<void> {
  const tls = await certificateFor(name, days);
  const caFile = join(folder, "authorities.pem");
  await writeFile(caFile, tls.cert);
  server = await openIngestionServer(ewsServerOptions(folder, "exchange", { tls, host: "localhost" }));
  const { user, password } = ACCOUNT;
  const signIn = { method: "basic", user, password };
  const settings = { signIn, probeMailbox: THIRD_PARTY, ...(isTrusted && { caFile }) };
  scene = await openEwsScene(server.url, folder, "exchange", settings);
}

async function tried(): Promise<{ findings: Finding[]; error: Finding | undefined; delivered: DeliverResult }> {
  const findings = await scene.destination.check();
  await capture(scene.journal, EVENTS);
  const delivered = await deliverOnce(scene, { kind: "inbox" });
  return { findings, error: findings.find(({ level }) => level === "error"), delivered };
}
