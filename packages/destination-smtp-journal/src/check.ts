import { once } from "node:events";
import { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Finding } from "@hansard/core";
import type { SMTPError } from "nodemailer/lib/smtp-connection";
import type { Connection } from "./connection.ts";
import { type Failure, failureOutcome, isTooLarge, openingFailure } from "./outcomes.ts";
import { limitsOf } from "./presets.ts";
import type { Settings } from "./settings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 30;

/** Connects and signs in as a delivery would, asks whether the archive takes the recipient, and sends nothing. */
export async function check(settings: Settings, open: () => Promise<Connection>): Promise<Finding[]> {
  const attempt = {
    server: `${settings.host}:${settings.port}`,
    isAllSent: false,
    toMailbox: false,
    now: new Date(),
  };
  let connection: Connection;
  try {
    connection = await open();
  } catch (error) {
    return [findingOf(openingFailure(error, attempt), settings)];
  }
  const findings: Finding[] = [
    {
      level: "ok",
      message: `Connected to ${attempt.server}${settings.signIn ? ` and signed in as ${settings.signIn.user}` : ""}.`,
    },
    ...encryption(connection.socket(), settings),
  ];
  if (settings.recipient !== "mailbox") {
    const refusal = await askEnvelope(connection, settings, settings.recipient);
    if (refusal && isTooLarge(refusal)) findings.push(tooLarge(refusal, settings));
    else if (refusal) findings.push(findingOf(failureOutcome(refusal, attempt), settings));
    else findings.push({ level: "ok", message: `The server takes mail for ${settings.recipient}.` });
  }
  connection.abort();
  findings.push({
    level: "warning",
    message:
      "SMTP cannot be asked what arrived: after a connection that broke at the last moment, a message is sent a second time.",
    remedy: "Have the archive drop what comes twice with the same Message-ID.",
  });
  return findings;
}

/** Goes as far as the server's permission to send, and breaks off before the first byte. Undefined where it is given. */
async function askEnvelope(connection: Connection, settings: Settings, to: string): Promise<SMTPError | undefined> {
  const content = new Readable({ read: () => content.emit("wanted") });
  const isWanted = once(content, "wanted").then(() => undefined);
  const sent = connection.send({ from: settings.sender, to, size: limitsOf(settings).messageBytes }, content);
  const refused = sent.then(
    () => undefined,
    (error: SMTPError) => error,
  );
  return Promise.race([isWanted, refused]);
}

function tooLarge({ message }: SMTPError, settings: Settings): Finding {
  return {
    level: "error",
    message: `The server does not take messages of ${limitsOf(settings).messageBytes} bytes: ${message}.`,
    remedy: "Set `messageBytes` to what it takes: larger messages are then split.",
  };
}

function findingOf(failure: Failure, { host, port }: Settings): Finding {
  const remedy =
    "remedy" in failure && failure.remedy !== undefined
      ? failure.remedy
      : `See that ${host}:${port} is reachable from here and speaks SMTP.`;
  return { level: "error", message: failure.reason, remedy };
}

function encryption(socket: unknown, { tls }: Settings): Finding[] {
  if (!(socket instanceof TLSSocket)) {
    return [
      {
        level: "warning",
        message: `The connection is not encrypted (tls: ${tls}).`,
        remedy: "Set `tls` to `starttls` or `implicit`, unless the server is on this machine.",
      },
    ];
  }
  const { valid_to: validTo } = socket.getPeerCertificate();
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  const protocol: Finding = { level: "ok", message: `The connection is encrypted (${socket.getProtocol()}).` };
  if (Number.isNaN(days) || days > SOON_DAYS) return [protocol];
  const ends = new Date(validTo).toISOString().slice(0, 10);
  return [
    protocol,
    {
      level: "warning",
      message: `The server's certificate ends in ${days} days, on ${ends}.`,
      remedy: "Have the archive's operators renew it: after that day nothing is delivered.",
    },
  ];
}
