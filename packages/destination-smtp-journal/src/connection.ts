import { readFile } from "node:fs/promises";
import { SettingsError } from "@hansard/core";
import SMTPConnection, {
  type SMTPConnectionOptions,
  type SMTPConnectionSendInfo,
  type SMTPEnvelope,
  type SMTPError,
} from "nodemailer/lib/smtp-connection";
import type { Readable } from "node:stream";
import type { Settings } from "./settings.ts";
import { isRefused, redact, type SignInMeans, signInSource } from "./sign-in.ts";

/** One connection, signed in. Each of its methods rejects with the library's error. */
export interface Connection {
  send(envelope: SMTPEnvelope, content: Readable): Promise<SMTPConnectionSendInfo>;
  /** False when the server has closed it, or a failure has. */
  isOpen(): boolean;
  /** Ends it politely. */
  quit(): void;
  /** Ends it at once: a message that is under way has no final dot then, and is not delivered. */
  abort(): void;
  /** The socket, for a look at its certificate. */
  socket(): unknown;
}

/** Gives the function that opens connections. Rejects with a SettingsError where `caFile` cannot be read. */
export async function connector(settings: Settings): Promise<() => Promise<Connection>> {
  const ca = settings.caFile === undefined ? undefined : await readAuthorities(settings.caFile);
  const options = optionsOf(settings, ca);
  if (!settings.signIn) return () => open(options, undefined);
  const source = signInSource(settings.signIn);
  return async () => {
    const first = await source.get();
    try {
      return await open(options, first);
    } catch (error) {
      // A token may be revoked before its time.
      if (!isRefused(error) || !source.renew(first.secret)) throw error;
      return open(options, await source.get());
    }
  };
}

async function open(options: SMTPConnectionOptions, signIn: SignInMeans | undefined): Promise<Connection> {
  const smtp = new SMTPConnection(options);
  let isOpen = true;
  smtp.once("end", () => (isOpen = false));
  // A failure also rejects what is under way: this only keeps the event from ending the process.
  smtp.on("error", () => (isOpen = false));
  try {
    await new Promise<void>((resolve, reject) => {
      smtp.once("error", reject);
      smtp.connect((error?: SMTPError) => (error ? reject(error) : resolve()));
    });
    if (signIn) await settled<boolean>((done) => smtp.login(signIn.credentials, done));
  } catch (error) {
    smtp.close();
    if (signIn) redact(error, signIn.secret);
    throw error;
  }
  return {
    send: (envelope, content) => settled((done) => smtp.send(envelope, content, done)),
    isOpen: () => isOpen,
    quit: () => smtp.quit(),
    abort: () => smtp.close(),
    socket: () => smtp._socket,
  };
}

function optionsOf(settings: Settings, ca: string | undefined): SMTPConnectionOptions {
  const { host, port, tls, serverName, clientName, timeoutMs } = settings;
  const quickMs = Math.min(timeoutMs, 60_000);
  return {
    host,
    port,
    name: clientName,
    secure: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    servername: serverName,
    tls: {
      minVersion: "TLSv1.2",
      ...(ca !== undefined && { ca }),
      ...(serverName !== undefined && { servername: serverName }),
    },
    connectionTimeout: quickMs,
    greetingTimeout: quickMs,
    socketTimeout: timeoutMs,
    logger: false,
    allowInternalNetworkInterfaces: true,
  };
}

function settled<Result>(start: (done: (error: SMTPError | null, result?: Result) => void) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error);
      else if (result === undefined) reject(new Error("The SMTP library gave no result."));
      else resolve(result);
    });
  });
}

async function readAuthorities(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new SettingsError(
      `The authorities in caFile "${path}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        remedy: "Give the path of a PEM file that the account Hansard runs as can read.",
        cause: error,
      },
    );
  }
}
