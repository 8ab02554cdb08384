import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication, type Configuration } from "@azure/msal-node";
import { SettingsError } from "@hansard/core";
import { Client, type Dispatcher } from "undici";
import { ExchangeFailure } from "./failure.ts";
import { accountOf, authenticate, negotiate, readChallenge } from "./ntlm.ts";
import type { Settings, SignIn } from "./settings.ts";
import { cloudOf } from "./cloud.ts";
import { tokenNetwork } from "./token-network.ts";
import { agentOf, connectorOf, type HttpAnswer, peerCertificate, post, type Posting } from "./transport.ts";

/** Sends requests as an account or an application. */
export interface SignedInDoor {
  /** Rejects with an ExchangeFailure. */
  post(posting: Posting): Promise<HttpAnswer>;
  /** The token that came with the answered request is no longer good. True where another one may do. */
  renew(answered: HttpAnswer): Promise<boolean>;
  /** How often an access token was fetched. */
  tokensFetched(): number;
  close(): Promise<void>;
}

export function openDoor(settings: Settings): SignedInDoor {
  const { signIn } = settings;
  if (signIn.method === "ntlm") return ntlmDoor(settings, signIn);
  if (signIn.method === "basic") {
    const credentials = Buffer.from(`${signIn.user}:${signIn.password.reveal()}`).toString("base64");
    return plainDoor(settings, () => Promise.resolve(`Basic ${credentials}`));
  }
  if (signIn.method === "access-token") {
    return plainDoor(settings, () => Promise.resolve(`Bearer ${signIn.accessToken.reveal()}`));
  }
  return tokenDoor(settings, signIn);
}

function plainDoor(settings: Settings, authorization: () => Promise<string>): SignedInDoor {
  const agent = agentOf(settings);
  return {
    post: async (posting) =>
      post(agent, settings, { ...posting, headers: { ...posting.headers, authorization: await authorization() } }),
    renew: () => Promise.resolve(false),
    tokensFetched: () => 0,
    close: () => agent.destroy(),
  };
}

type ApplicationSignIn = Extract<SignIn, { tenantId: string }>;

function tokenDoor(settings: Settings, signIn: ApplicationSignIn): SignedInDoor {
  const agent = agentOf(settings);
  const application = new ConfidentialClientApplication({
    auth: applicationOf(settings, signIn),
    system: { networkClient: tokenNetwork(agent, signIn.authorityUrl?.startsWith("http:") === true) },
  });
  const scopes = [signIn.scope ?? `${new URL(settings.url).origin}/.default`];
  const usedBy = new WeakMap<HttpAnswer, string>();
  const refused = new Set<string>();
  let fetched = 0;
  let fetching: Promise<string> | undefined;

  async function fetchToken(): Promise<string> {
    const cached = await acquire(application, scopes, false);
    if (!cached.fromCache) fetched += 1;
    if (!refused.has(cached.accessToken)) return cached.accessToken;
    fetched += 1;
    return (await acquire(application, scopes, true)).accessToken;
  }

  // All who need a token at once wait for the same one.
  function token(): Promise<string> {
    fetching ??= fetchToken().finally(() => (fetching = undefined));
    return fetching;
  }

  return {
    async post(posting) {
      const used = await token();
      const answer = await post(agent, settings, {
        ...posting,
        headers: { ...posting.headers, authorization: `Bearer ${used}` },
      });
      usedBy.set(answer, used);
      return answer;
    },
    async renew(answered) {
      const used = usedBy.get(answered) ?? "";
      // Only the first of many that were refused with the same token fetches another.
      refused.add(used);
      return (await token()) !== used;
    },
    tokensFetched: () => fetched,
    close: () => agent.destroy(),
  };
}

async function acquire(
  application: ConfidentialClientApplication,
  scopes: string[],
  skipCache: boolean,
): Promise<{ accessToken: string; fromCache: boolean }> {
  try {
    const result = await application.acquireTokenByClientCredential({ scopes, skipCache });
    if (result) return result;
    throw new Error("The authority gave no token.");
  } catch (error) {
    throw tokenFailure(error);
  }
}

const TRANSIENT =
  /network_error|request_timeout|temporarily_unavailable|server_error|no_network_connectivity|fetch failed|ECONN|ETIMEDOUT|EAI_AGAIN/i;

function tokenFailure(error: unknown): ExchangeFailure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "errorCode" in error ? String(error.errorCode) : "";
  const reason = `The application got no access token: ${message}`;
  if (TRANSIENT.test(`${code} ${message}`)) return new ExchangeFailure("retry", reason, { code }, error);
  return new ExchangeFailure("misconfigured", reason, { code, remedy: tokenRemedy(message) }, error);
}

function tokenRemedy(message: string): string {
  if (message.includes("AADSTS7000222"))
    return "The client secret has expired: make a new one and put it into `clientSecret`.";
  if (message.includes("AADSTS7000215")) return "Put the secret's value, not its id, into `clientSecret`.";
  if (message.includes("AADSTS700027"))
    return "Upload the certificate of `certificateFile` to the application, or give the key that belongs to it.";
  if (message.includes("AADSTS90002"))
    return "Correct `tenantId`, or `authorityUrl` where the tenant is in another cloud.";
  if (message.includes("AADSTS700016"))
    return "Correct `clientId`, and see that the application is registered in this tenant.";
  return "Correct `tenantId`, `clientId` and the credential, and see that the administrator consented to the application.";
}

function applicationOf(settings: Settings, signIn: ApplicationSignIn): Configuration["auth"] {
  const known = { clientId: signIn.clientId, ...authorityOf(settings, signIn) };
  if (signIn.method === "client-secret") return { ...known, clientSecret: signIn.clientSecret.reveal() };
  const certificate = readCertificate(signIn.certificateFile);
  const thumbprintSha256 = createHash("sha256").update(certificate.raw).digest("hex");
  const privateKey = readPem(signIn.privateKeyFile, "privateKeyFile").toString("utf8");
  return { ...known, clientCertificate: { thumbprintSha256, privateKey } };
}

/** All addresses of the authority are known, so that nothing is asked before the token itself. */
function authorityOf(
  { url }: Settings,
  { authorityUrl, tenantId }: ApplicationSignIn,
): Pick<Configuration["auth"], "authority" | "knownAuthorities" | "authorityMetadata"> {
  const host = authorityUrl ?? cloudOf(url)?.authority ?? "https://login.microsoftonline.com";
  // The library insists on https; the network client goes back to http where the settings say so.
  const authority = `${host.replace(/^http:/, "https:").replace(/\/$/, "")}/${encodeURIComponent(tenantId)}`;
  const endpoints = {
    issuer: `${authority}/v2.0`,
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    token_endpoint: `${authority}/oauth2/v2.0/token`,
    jwks_uri: `${authority}/discovery/v2.0/keys`,
  };
  return { authority, knownAuthorities: [new URL(authority).host], authorityMetadata: JSON.stringify(endpoints) };
}

export function readCertificate(path: string): X509Certificate {
  const pem = readPem(path, "certificateFile");
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new SettingsError(`The file "${path}" of certificateFile holds no certificate.`, {
      remedy: "Give the path of a PEM file with the application's certificate.",
      cause: error,
    });
  }
}

function readPem(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingsError(`The file "${path}" of ${setting} cannot be read: ${why}`, {
      remedy: "Give the path of a PEM file that the account Hansard runs as can read.",
      cause: error,
    });
  }
}

/** NTLM signs in a connection, not a request: each has a client of its own, and one request at a time. */
function ntlmDoor(settings: Settings, signIn: Extract<SignIn, { method: "ntlm" }>): SignedInDoor {
  const account = accountOf(signIn.user, signIn.password.reveal());
  const { origin, host } = new URL(settings.url);
  const connect = connectorOf(settings);
  const idle: NtlmConnection[] = [];
  const all: NtlmConnection[] = [];

  function open(): NtlmConnection {
    const connection: NtlmConnection = { client: undefined as never, certificate: undefined };
    connection.client = new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: 60_000,
      connect: (options, callback) =>
        connect(options, (...[error, socket]) => {
          if (error) return callback(error, null);
          connection.certificate = peerCertificate(socket);
          return callback(null, socket);
        }),
    });
    all.push(connection);
    return connection;
  }

  async function handshake({ client, certificate }: NtlmConnection, posting: Posting): Promise<HttpAnswer> {
    const first = await post(client, settings, {
      ...posting,
      body: "",
      headers: withAuthorization(posting, negotiate()),
    });
    const challenge = /NTLM ([A-Za-z0-9+/=]+)/.exec([first.headers["www-authenticate"] ?? ""].flat().join(","))?.[1];
    if (challenge === undefined) return first;
    const proof = authenticate(account, readChallenge(Buffer.from(challenge, "base64")), host, certificate);
    return post(client, settings, { ...posting, headers: withAuthorization(posting, proof) });
  }

  return {
    async post(posting) {
      const connection = idle.pop() ?? open();
      try {
        // An empty body first: a refused one would have been sent for nothing.
        const answer = connection.isSignedIn ? await post(connection.client, settings, posting) : undefined;
        const last = answer && answer.status !== 401 ? answer : await handshake(connection, posting);
        connection.isSignedIn = last.status !== 401;
        return last;
      } finally {
        idle.push(connection);
      }
    },
    renew: () => Promise.resolve(false),
    tokensFetched: () => 0,
    close: async () => {
      await Promise.all(all.map(({ client }) => client.destroy()));
    },
  };
}

interface NtlmConnection {
  client: Dispatcher & { destroy(): Promise<void> };
  certificate: Buffer | undefined;
  isSignedIn?: boolean;
}

function withAuthorization({ headers }: Posting, message: Buffer): Record<string, string> {
  return { ...headers, authorization: `NTLM ${message.toString("base64")}` };
}
