import { z } from "zod";
import type { Failure } from "./outcomes.ts";
import type { SignIn } from "./settings.ts";

const RENEW_BEFORE_MS = 5 * 60 * 1000;
const TIMEOUT_MS = 30_000;
const MOST_CHARACTERS = 64 * 1024;

const Token = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive().default(3600) });
const Refused = z.object({ error: z.string(), error_description: z.string().optional() });

type ClientCredentials = Extract<SignIn, { method: "client-credentials" }>;

/** No access token was to be had: what that means for the message. */
export class TokenFailure extends Error {
  readonly outcome: Failure;

  constructor(outcome: Failure, cause?: unknown) {
    super(outcome.reason, { cause });
    this.outcome = outcome;
  }
}

/** Fetches the application's access token, and keeps it until shortly before it ends. */
export class AccessTokens {
  readonly #signIn: ClientCredentials;
  #token: { value: string; until: number } | undefined;
  #fetching: Promise<string> | undefined;

  constructor(signIn: ClientCredentials) {
    this.#signIn = signIn;
  }

  /** Everybody who asks at once waits for the same request. Rejects with a TokenFailure. */
  get(): Promise<string> {
    if (this.#token && Date.now() < this.#token.until) return Promise.resolve(this.#token.value);
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  /** The server refused the token: the next one is fetched anew, once for all who were refused with it. */
  forget(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  async #fetch(): Promise<string> {
    const { tokenUrl, clientSecret } = this.#signIn;
    const { status, text } = await request(this.#signIn);
    const answer = parseJson(text);
    const token = Token.safeParse(answer).data;
    if (status === 200 && token) {
      this.#token = { value: token.access_token, until: Date.now() + token.expires_in * 1000 - RENEW_BEFORE_MS };
      return token.access_token;
    }
    const refused = Refused.safeParse(answer).data;
    const why = refused?.error_description ?? refused?.error ?? "no reason";
    const reason = `${tokenUrl} gave no access token (${status}): ${why.replaceAll(clientSecret.reveal(), "[secret]")}`;
    if (status === 429 || status >= 500) throw new TokenFailure({ status: "retry", reason });
    throw new TokenFailure({
      status: "misconfigured",
      reason,
      remedy:
        "Correct `signIn.clientId`, `clientSecret`, `scope` and `tokenUrl`, and the consent given to the application.",
    });
  }
}

async function request(signIn: ClientCredentials): Promise<{ status: number; text: string }> {
  const { tokenUrl, clientId, clientSecret, scope } = signIn;
  const form = { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret.reveal(), scope };
  try {
    const response = await fetch(tokenUrl, {
      method: "POST",
      body: new URLSearchParams(form),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, text: (await response.text()).slice(0, MOST_CHARACTERS) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TokenFailure({ status: "retry", reason: `No access token from ${tokenUrl}: ${why}` }, error);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
