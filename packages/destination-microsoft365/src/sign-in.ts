import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type AuthenticationResult, ConfidentialClientApplication, type Configuration } from "@azure/msal-node";
import { AuthenticationError, isHansardError, SettingsError, UnavailableError } from "@hansard/core";
import type { Dispatcher } from "undici";
import type { Cloud } from "./clouds.ts";
import { managedIdentity } from "./managed-identity.ts";
import { networkClient } from "./network-client.ts";
import type { Settings, SignIn } from "./settings.ts";
import { signInFailure } from "./sign-in-failure.ts";
import { Trial } from "./trial.ts";

const RENEW_BEFORE_MS = 5 * 60 * 1000;
/** So many new tokens in a row are refused before Graph has taken one of them, and then it is no matter of time. */
const MOST_BARREN = 8;
/** Together with the waits between them they take some ten seconds. */
const RENEWALS = 6;
const FIRST_WAIT_MS = 300;

/** A token in the hand of one request. */
export interface Pass {
  value: string;
  trial: number;
}

type Fetch = (isRenewal: boolean) => Promise<AuthenticationResult | null>;

/** The application's access token, kept until shortly before it ends. */
export class Tokens {
  readonly #fetch: Fetch;
  readonly #clientId: string;
  readonly #trial = new Trial();
  #token: { value: string; until: number; wasTaken?: boolean } | undefined;
  #barren = 0;
  #fetching: Promise<string> | undefined;

  constructor(fetch: Fetch, clientId: string) {
    this.#fetch = fetch;
    this.#clientId = clientId;
  }

  /** Everybody who asks at once waits for the same request. Rejects with an error that says what to do. */
  get(): Promise<string> {
    if (this.#token && Date.now() < this.#token.until) return Promise.resolve(this.#token.value);
    this.#fetching ??= this.#renewPatiently(this.#token !== undefined).finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  /** For a request whose end is told by one of `taken`, `refused` and `left`. After a refusal it may have to wait for its turn. */
  async enter(): Promise<Pass> {
    const trial = await this.#trial.enter();
    try {
      return { value: await this.get(), trial };
    } catch (error) {
      this.#trial.left(trial);
      throw error;
    }
  }

  /** Whether nobody has a newer one, or waits for it. */
  isCurrent({ value }: Pass): boolean {
    return this.#token?.value === value && this.#token.until > 0;
  }

  /** The request ended and says nothing of its token. */
  left({ trial }: Pass): void {
    this.#trial.left(trial);
  }

  /** Graph took this token. */
  taken({ value, trial }: Pass): void {
    this.#trial.passed(trial);
    if (this.#token?.value !== value) return;
    this.#token.wasTaken = true;
    this.#barren = 0;
  }

  /** Graph refused this token. Only the first who says so causes a new one to be fetched. Gives whether that may help. */
  refused(pass: Pass): boolean {
    if (this.isCurrent(pass)) {
      this.#barren = this.#token?.wasTaken === true ? 0 : this.#barren + 1;
      this.#token = { value: pass.value, until: 0 };
      this.#trial.begin();
    } else this.#trial.left(pass.trial);
    return this.#barren < MOST_BARREN;
  }

  /**
   * A sign-in that worked before will work again: what is asked for meanwhile waits a little, and is not put off. At the
   * first one a wrong address is said at once.
   */
  async #renewPatiently(isRenewal: boolean): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#renew(isRenewal);
      } catch (error) {
        const isPassing = isHansardError(error) && error.kind === "unavailable";
        if (!isRenewal || !isPassing || attempt >= RENEWALS) throw error;
        await sleep(FIRST_WAIT_MS * 2 ** (attempt - 1));
      }
    }
  }

  async #renew(isRenewal: boolean): Promise<string> {
    try {
      const result = await this.#fetch(isRenewal);
      if (result === null || result.accessToken === "")
        throw new UnavailableError("Entra ID answered without an access token.");
      const endsAt = result.expiresOn?.getTime() ?? Date.now() + 3_600_000;
      // A token that is short-lived by policy is used until half of its time is over.
      this.#token = {
        value: result.accessToken,
        until: Math.max(endsAt - RENEW_BEFORE_MS, Date.now() + (endsAt - Date.now()) / 2),
      };
      return result.accessToken;
    } catch (error) {
      throw signInFailure(error, this.#clientId);
    }
  }
}

/** Prepares the sign-in. Files are read here, so that a wrong path is said at once. */
export async function openTokens(settings: Settings, cloud: Cloud, dispatcher: Dispatcher): Promise<Tokens> {
  const { signIn, clientId } = settings;
  if (signIn.method === "managed-identity")
    return new Tokens(managedIdentity(signIn.userAssignedClientId, cloud.resource), clientId);
  const application = new ConfidentialClientApplication({
    auth: { clientId, ...authority(settings, cloud), ...(await credential(signIn)) },
    system: { networkClient: networkClient(dispatcher, cloud.authorityUrl), disableInternalRetries: true },
  });
  const scopes = [`${cloud.resource}/.default`];
  return new Tokens(
    (isRenewal) => application.acquireTokenByClientCredential({ scopes, skipCache: isRenewal }),
    clientId,
  );
}

/** The addresses are known, so that nothing is asked before the token itself; a proxy or a test has one of its own. */
function authority(
  { tenantId, authorityUrl }: Settings,
  cloud: Cloud,
): Pick<Configuration["auth"], "authority" | "knownAuthorities" | "authorityMetadata"> {
  // The library insists on https; the network client goes back to http where the settings say so.
  const base = `${cloud.authorityUrl.replace(/^http:/, "https:")}/${encodeURIComponent(tenantId)}`;
  if (authorityUrl === undefined) return { authority: base };
  const endpoints = {
    issuer: `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
  };
  return { authority: base, knownAuthorities: [new URL(base).host], authorityMetadata: JSON.stringify(endpoints) };
}

async function credential(
  signIn: Exclude<SignIn, { method: "managed-identity" }>,
): Promise<Partial<Configuration["auth"]>> {
  if (signIn.method === "client-secret") return { clientSecret: signIn.clientSecret.reveal() };
  if (signIn.method === "certificate") return { clientCertificate: await certificate(signIn) };
  const { assertionFile = process.env["AZURE_FEDERATED_TOKEN_FILE"], managedIdentityClientId } = signIn;
  if (managedIdentityClientId !== undefined) {
    const exchange = managedIdentity(managedIdentityClientId, "api://AzureADTokenExchange");
    return { clientAssertion: async () => (await exchange(false)).accessToken };
  }
  if (assertionFile === undefined) {
    throw new SettingsError("The federated sign-in has no assertion.", {
      remedy: "Set signIn.assertionFile, or AZURE_FEDERATED_TOKEN_FILE in the environment.",
    });
  }
  return { clientAssertion: async () => (await readSettingsFile(assertionFile, "signIn.assertionFile")).trim() };
}

async function certificate(
  signIn: Extract<SignIn, { method: "certificate" }>,
): Promise<NonNullable<Configuration["auth"]["clientCertificate"]>> {
  const pem = await readSettingsFile(signIn.certificateFile, "signIn.certificateFile");
  const keyPem = await readSettingsFile(signIn.privateKeyFile, "signIn.privateKeyFile");
  const x509 = certificateOf(pem, signIn.certificateFile);
  const passphrase = signIn.passphrase?.reveal();
  try {
    const key = createPrivateKey({ key: keyPem, ...(passphrase !== undefined && { passphrase }) });
    if (!x509.checkPrivateKey(key)) throw new Error("it is another certificate's");
    const privateKey = key.export({ type: "pkcs8", format: "pem" }).toString();
    return {
      thumbprintSha256: createHash("sha256").update(x509.raw).digest("hex"),
      privateKey,
      ...(signIn.sendChain && { x5c: pem }),
    };
  } catch (error) {
    throw new SettingsError(
      `The private key in ${signIn.privateKeyFile} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
      {
        remedy: "Give the key that belongs to the certificate, as PEM in PKCS #8, and its passphrase.",
      },
    );
  }
}

/** The certificate of a sign-in, for its dates. */
export function certificateOf(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new SettingsError(`${file} holds no certificate.`, { remedy: "Give the certificate as PEM." });
  }
}

async function readSettingsFile(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AuthenticationError(
      `${setting} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        remedy: `See that ${path} exists and that Hansard may read it.`,
      },
    );
  }
}
