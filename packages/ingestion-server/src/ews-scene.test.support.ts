import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import { openJournal } from "@hansard/journal";
import { mailboxesNamed } from "./delivery.test.sample.ts";
import { heldToday, MAILBOXES, type Scene, STRANGER, THIRD_PARTY } from "./delivery.test.support.ts";
import { ACCOUNT, APPLICATION, recordingLog, TENANT } from "./ews.test.support.ts";
import type { IngestionServerOptions } from "./server.ts";

export type Profile = "exchange" | "partner-ingestion";
export const PROFILES: Profile[] = ["exchange", "partner-ingestion"];

/** Gives up soon, where time-outs are what is shown. */
export const HURRIED = { timeoutMs: 1500, patienceMs: 3000 };

export interface EwsScene extends Scene {
  log: ReturnType<typeof recordingLog>;
  /** Opens another destination beside the scene's own, such as one that signs in as somebody else. */
  open(id: string, settings: object): ReturnType<typeof openExchangeDestination>;
  close(): Promise<void>;
}

/** The server as a test of deliveries through EWS needs it. The ingestion service takes nothing from senders that it does not know. */
export function ewsServerOptions(
  folder: string,
  profile: Profile,
  options: Partial<IngestionServerOptions> = {},
): IngestionServerOptions {
  const senders = profile === "partner-ingestion" ? [STRANGER] : [];
  return {
    folder: join(folder, "server"),
    tenant: TENANT,
    applications: [APPLICATION],
    mailboxes: [...mailboxesNamed(MAILBOXES), ...[THIRD_PARTY, ...senders].map((address) => ({ address }))],
    ...options,
    ews: { accounts: [ACCOUNT], thirdPartyMailbox: THIRD_PARTY, ...options.ews },
  };
}

/** The real destination and journal. The application signs in with its secret. */
export async function openEwsScene(
  url: string,
  folder: string,
  profile: Profile,
  more: object = {},
): Promise<EwsScene> {
  const log = recordingLog();
  const journal = openJournal(join(folder, "journal"));
  function open(id: string, settings: object): ReturnType<typeof openExchangeDestination> {
    mkdirSync(join(folder, id), { recursive: true });
    const parsed = Settings.parse({ ...settingsFor(url, profile), ...settings });
    return openExchangeDestination({ id, settings: parsed, blobs: journal.blobs, folder: join(folder, id), log });
  }
  const destination = await open("exchange", more);
  return {
    journal,
    destination,
    destinationId: "exchange",
    clockOffsetMs: 0,
    log,
    open,
    async close() {
      await destination.close();
      await journal.close();
    },
  };
}

function settingsFor(url: string, profile: Profile): object {
  const isPartner = profile === "partner-ingestion";
  return {
    url: `${url}${isPartner ? "/service/ThirdPartyIngestionService.svc" : "/EWS/Exchange.asmx"}`,
    profile,
    holds: heldToday(),
    signIn: {
      method: "client-secret",
      tenantId: TENANT.domain,
      clientId: APPLICATION.clientId,
      clientSecret: APPLICATION.secret,
      authorityUrl: url,
    },
    // A disk on which others write much may hold up a server for seconds.
    settleMs: 5000,
  };
}
