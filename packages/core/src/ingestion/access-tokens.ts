import { AuthenticationError, type HansardError, UnavailableError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { Outcome } from "./destination.ts";

/** How an application proves itself where tokens are given out (OAuth 2.0, RFC 6749 §4.4). */
export interface ClientCredentials {
  tokenUrl: string;
  clientId: string;
  clientSecret: Secret;
  scope: string;
}

const RENEW_BEFORE_MS = 5 * 60 * 1000;
const TIMEOUT_MS = 30_000;
const MOST_CHARACTERS = 64 * 1024;
const LIFETIME_S = 3600;

/** Fetches the application's access token, and keeps it until shortly before it ends. */
export class AccessTokens {
  readonly #credentials: ClientCredentials;
  #token: { value: string; until: number } | undefined;
  #fetching: Promise<string> | undefined;

  constructor(credentials: ClientCredentials) {
    this.#credentials = credentials;
  }

  /**
   * Everybody who asks at once waits for the same request. Rejects with an UnavailableError where none is to be had now,
   * and with an AuthenticationError where none will be.
   */
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
    const { tokenUrl, clientSecret } = this.#credentials;
    const { status, text } = await request(this.#credentials);
    const answer = parsedObject(text);
    const value = textIn(answer, "access_token");
    if (status === 200 && value !== undefined) {
      this.#token = { value, until: Date.now() + secondsIn(answer) * 1000 - RENEW_BEFORE_MS };
      return value;
    }
    const why = textIn(answer, "error_description") ?? textIn(answer, "error") ?? "no reason";
    // What refuses a secret may repeat it.
    const reason = `${tokenUrl} gave no access token (${status}): ${why.replaceAll(clientSecret.reveal(), "[secret]")}`;
    if (status === 429 || status >= 500) throw new UnavailableError(reason);
    const remedy =
      "Correct `signIn.clientId`, `clientSecret`, `scope` and `tokenUrl`, and the consent given to the application.";
    throw new AuthenticationError(reason, { remedy });
  }
}

/** What it means for a delivery that has not been sent that its destination could not be signed in to. */
export function outcomeOfSignIn({
  kind,
  message,
  remedy,
}: HansardError): Extract<Outcome, { status: "misconfigured" | "retry" }> {
  return kind === "authentication" || kind === "settings"
    ? { status: "misconfigured", reason: message, remedy: remedy ?? "Correct the sign-in." }
    : { status: "retry", reason: message };
}

async function request(credentials: ClientCredentials): Promise<{ status: number; text: string }> {
  const { tokenUrl, clientId, clientSecret, scope } = credentials;
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
    throw new UnavailableError(`No access token from ${tokenUrl}: ${why}`, { cause: error });
  }
}

function parsedObject(text: string): object {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null ? answer : {};
  } catch {
    return {};
  }
}

function textIn(answer: object, name: string): string | undefined {
  const value: unknown = Reflect.get(answer, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Some servers say it in digits, some in a text. */
function secondsIn(answer: object): number {
  const seconds = Number(Reflect.get(answer, "expires_in"));
  return seconds > 0 ? seconds : LIFETIME_S;
}
