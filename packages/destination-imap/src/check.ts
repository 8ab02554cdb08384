import { TLSSocket } from "node:tls";
import type { Finding } from "@hansard/core";
import type { ImapFlow } from "imapflow";
import { pathOf } from "./folder-path.ts";
import { ImapFailure } from "./outcomes.ts";
import type { Settings } from "./settings.ts";
import type { Door } from "./sign-in.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 30;
const FULL_SHARE = 0.9;

/** Signs in as a delivery would, and looks at the encryption, the certificate and what the server can do. */
export async function check(settings: Settings, door: Door): Promise<Finding[]> {
  const { layout } = settings;
  const account = layout.kind === "shared-account" ? door.accountOf("") : layout.probeMailbox;
  let client: ImapFlow;
  try {
    client = await door.open(account);
  } catch (error) {
    if (!(error instanceof ImapFailure)) throw error;
    const { outcome } = error;
    const remedy =
      "remedy" in outcome && outcome.remedy !== undefined
        ? outcome.remedy
        : `See that ${settings.host}:${settings.port} is reachable from here and speaks IMAP.`;
    return [{ level: "error", message: outcome.reason, remedy }];
  }
  try {
    return [
      { level: "ok", message: `Signed in to ${settings.host}:${settings.port} as ${account}.` },
      ...abilities(client, settings),
      ...(await room(client)),
      ...(await folders(client, settings)),
      ...encryption(client, settings),
      {
        level: "warning",
        message: `IMAP knows no Recoverable Items: what goes to Purges lies in "${settings.purgesFolder.join("/")}", which its owner sees and may delete.`,
        remedy:
          "Route to this destination only what may be seen, or take the right to delete (t, e, x) from the mailboxes' owners.",
      },
    ];
  } finally {
    client.close();
  }
}

function abilities({ capabilities }: ImapFlow, { messageBytes }: Settings): Finding[] {
  const findings: Finding[] = [
    capabilities.has("UIDPLUS")
      ? { level: "ok", message: "The server says where it stores a message (UIDPLUS)." }
      : {
          level: "warning",
          message: "The server lacks UIDPLUS, so each message is searched for after it is stored.",
          remedy: "Prefer a server with UIDPLUS (RFC 4315): receipts are then certain and cheap.",
        },
  ];
  const limit = capabilities.get("APPENDLIMIT");
  if (typeof limit === "number" && limit < messageBytes) {
    const remedy = `Set messageBytes to ${limit}: larger messages are then split.`;
    findings.push({ level: "error", message: `The server takes messages of at most ${limit} bytes.`, remedy });
  }
  return findings;
}

async function room(client: ImapFlow): Promise<Finding[]> {
  const quota = await client.getQuota("INBOX").catch(() => false as const);
  if (quota === false || quota.storage === undefined) return [];
  const { usage = 0, limit = 0 } = quota.storage;
  if (limit === 0 || usage < limit * FULL_SHARE)
    return [{ level: "ok", message: `The account uses ${usage} of ${limit} bytes.` }];
  return [
    {
      level: "warning",
      message: `The account is nearly full: ${usage} of ${limit} bytes.`,
      remedy: "Raise its quota, or make room in it.",
    },
  ];
}

/** In a shared account the folder that holds everyone's is made, since that shows that it can be. */
async function folders(client: ImapFlow, settings: Settings): Promise<Finding[]> {
  if (settings.layout.kind !== "shared-account" || settings.layout.rootFolder.length === 0) return [];
  const path = pathOf(settings.layout.rootFolder, client);
  try {
    await client.mailboxCreate(path);
  } catch (error) {
    if (await client.status(path, { uidValidity: true }).catch(() => false)) return [];
    return [
      {
        level: "error",
        message: `The folder "${path}" cannot be made: ${error instanceof Error ? error.message : String(error)}`,
        remedy: "Let the account create folders (the right k), or set another `rootFolder`.",
      },
    ];
  }
  return [{ level: "ok", message: `The folder "${path}" is there.` }];
}

function encryption(client: ImapFlow, { tls }: Settings): Finding[] {
  const { socket } = client.unbind();
  const findings = socket instanceof TLSSocket ? certificate(socket) : [unencrypted(tls)];
  socket.destroy();
  return findings;
}

function unencrypted(tls: Settings["tls"]): Finding {
  return {
    level: "warning",
    message: `The connection is not encrypted (tls: ${tls}).`,
    remedy: "Set `tls` to `implicit` or `starttls`, unless the server is on this machine.",
  };
}

function certificate(socket: TLSSocket): Finding[] {
  const { valid_to: validTo } = socket.getPeerCertificate();
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  const protocol: Finding = { level: "ok", message: `The connection is encrypted (${socket.getProtocol()}).` };
  if (Number.isNaN(days) || days > SOON_DAYS) return [protocol];
  return [
    protocol,
    {
      level: "warning",
      message: `The server's certificate ends in ${days} days, on ${new Date(validTo).toISOString().slice(0, 10)}.`,
      remedy: "Renew it: after that day nothing is delivered.",
    },
  ];
}
