import { readFile } from "node:fs/promises";
import { isHansardError, SettingsError } from "@hansard/core";
import { AccessTokens, outcomeOfSignIn } from "@hansard/core/ingestion";
import { ImapFlow, type ImapFlowOptions } from "imapflow";
import { ImapFailure, SignInRefused, connectionOutcome, refusalOf, signInOutcome } from "./outcomes.ts";
import type { Settings } from "./settings.ts";

const PROBE_HOLDS_MS = 60_000;

type Auth = NonNullable<ImapFlowOptions["auth"]>;

/** Opens connections that are signed in: to the shared account, or to one person's mailbox. */
export interface Door {
  /** Which sign-in a mailbox's messages go through: connections of one account serve all its mailboxes. */
  accountOf(mailbox: string): string;
  /** Rejects with an ImapFailure. */
  open(account: string): Promise<ImapFlow>;
}

export async function makeDoor(settings: Settings): Promise<Door> {
  const ca = settings.caFile === undefined ? undefined : await readAuthorities(settings.caFile);
  const { layout, signIn } = settings;
  const tokens = signIn.method === "client-credentials" ? new AccessTokens(signIn) : undefined;

  let probedUntil = 0;

  async function connect(account: string): Promise<ImapFlow> {
    const auth = await authOf(settings, account, tokens);
    try {
      return await connectOnce(settings, ca, auth);
    } catch (error) {
      if (!tokens || auth.accessToken === undefined || !(error instanceof SignInRefused)) throw error;
      // The token may have been revoked before its time.
      tokens.forget(auth.accessToken);
      return await connectOnce(settings, ca, await authOf(settings, account, tokens));
    }
  }

  return {
    accountOf: (mailbox) => (layout.kind === "shared-account" ? (signIn.user ?? "") : mailbox),
    async open(account) {
      try {
        return await connect(account);
      } catch (error) {
        if (layout.kind === "shared-account" || account === layout.probeMailbox) throw error;
        if (!(error instanceof SignInRefused) || !layout.missingMailboxCodes.includes(error.code)) throw error;
        // Servers answer alike for a missing mailbox and for wrong credentials: only a mailbox that exists tells them apart.
        if (Date.now() > probedUntil) {
          const probe = await connect(layout.probeMailbox);
          await probe.logout().catch(() => undefined);
          probedUntil = Date.now() + PROBE_HOLDS_MS;
        }
        const reason = `There is no mailbox ${account}: its sign-in is refused, and that of ${layout.probeMailbox} is not. ${error.message}`;
        throw new ImapFailure({ status: "no-mailbox", reason }, error);
      }
    },
  };
}

async function authOf({ layout, signIn }: Settings, account: string, tokens: AccessTokens | undefined): Promise<Auth> {
  const mailbox = layout.kind === "mailbox-per-user" ? loginName(layout.loginName, account) : account;
  if (tokens) return { user: mailbox, accessToken: await tokenOf(tokens) };
  if (signIn.method === "access-token") return { user: mailbox, accessToken: signIn.accessToken.reveal() };
  if (signIn.method !== "password") throw new Error(`The sign-in ${signIn.method} is not known.`);
  const pass = signIn.password.reveal();
  if (layout.kind === "shared-account") return { user: account, pass };
  if (layout.actAs === "authorization-identity")
    return { user: signIn.user, pass, authzid: mailbox, loginMethod: "AUTH=PLAIN" };
  return { user: `${mailbox}${layout.separator}${signIn.user}`, pass };
}

async function tokenOf(tokens: AccessTokens): Promise<string> {
  try {
    return await tokens.get();
  } catch (error) {
    throw isHansardError(error) ? new ImapFailure(outcomeOfSignIn(error), error) : error;
  }
}

function loginName(kind: "address" | "local-part", address: string): string {
  return kind === "address" ? address : address.slice(0, Math.max(0, address.lastIndexOf("@"))) || address;
}

async function connectOnce(settings: Settings, ca: string | undefined, auth: Auth): Promise<ImapFlow> {
  const { host, port, tls, timeoutMs, serverName } = settings;
  const client = new ImapFlow({
    host,
    port,
    auth,
    secure: tls === "implicit",
    doSTARTTLS: tls === "starttls",
    tls: {
      minVersion: "TLSv1.2",
      ...(ca !== undefined && { ca }),
      ...(serverName !== undefined && { servername: serverName }),
    },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableAutoIdle: true,
    // Names and literals then go over the wire as IMAP4rev1 has them, at every server.
    disableAutoEnable: true,
    disableIMAP4rev2: true,
    disableCompression: true,
    clientInfo: { name: "Hansard" },
    logger: false,
  });
  // The command under way rejects as well: this only keeps the event from ending the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.close();
    throw failureOf(error, auth, `${host}:${port}`);
  }
}

function failureOf(error: unknown, auth: Auth, server: string): ImapFailure {
  const user = auth.authzid ?? auth.user;
  const secret = auth.pass ?? auth.accessToken ?? "";
  const refusal = refusalOf(error);
  // A server may repeat what it was sent.
  if (refusal) return signInOutcome({ ...refusal, text: refusal.text.replaceAll(secret, "[secret]") }, user);
  const isAuthentication =
    error instanceof Error && "authenticationFailed" in error && error.authenticationFailed === true;
  if (isAuthentication) return signInOutcome({ status: "NO", text: error.message }, user);
  return connectionOutcome(error, server);
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
