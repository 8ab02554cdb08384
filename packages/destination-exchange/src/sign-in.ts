import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication, type Configuration } from "@azure/msal-node";
import { SettingsError } from "@hansard/core";
import { ExchangeFailure } from "./failure.ts";
import { ntlmDoor } from "./ntlm-door.ts";
import type { Settings, SignIn } from "./settings.ts";
import { cloudOf } from "./cloud.ts";
import { tokenNetwork } from "./token-network.ts";
import { agentOf, type HttpAnswer, post, type SignedInDoor } from "./transport.ts";

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
