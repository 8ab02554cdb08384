import { createHash } from "node:crypto";
import { AuthenticationError, type HansardError, type Secret, type SourceState, UnavailableError } from "@hansard/core";
import { ApiRequestError, ApiResponseError } from "twitter-api-v2";
import { z } from "zod";
import type { Account } from "../schema.ts";
import { toHansardError, transportFault } from "./errors.ts";
import { postRefresh } from "./sdk.ts";
import type { TwitterContext } from "./context.ts";

/** What is remembered of an account's consent. A refresh token is valid for one use, which gives the next. */
const Consent = z.object({
  /** Tells which configured refresh token this descends from: a new one in the settings is a new consent. */
  seed: z.string(),
  refreshToken: z.string(),
  /** How many uses of the refresh token were begun whose end is not known. */
  attempts: z.number().int(),
  /** X has refused the refresh token: it is never sent again. */
  refused: z.boolean().default(false),
  accessToken: z.string().optional(),
  expiresAt: z.number().optional(),
});
type Consent = z.infer<typeof Consent>;

const Granted = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  expires_in: z.number().positive(),
});

/** A use whose end is not known is tried once more, which costs nothing if X did not see the first; then never again. */
const ATTEMPTS = 2;
const MARGIN_MS = 60_000;
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH"]);

/** Work on one account's consent at a time: streams of one account are read side by side. */
const underWay = new Map<string, Promise<unknown>>();

/** A valid access token of the account. `rejected` is one that X no longer takes, whatever its time of expiry. */
export async function accessTokenOf(
  context: TwitterContext,
  account: Account & { refreshToken: Secret },
  rejected?: string,
): Promise<string> {
  const access = async () => accessOf(await recall(context, account), rejected);
  return oneAtATime(`${context.settings.apiUrl} ${account.id}`, async () => {
    const known = await access();
    if (known !== undefined) return known;
    // Another process may have been quicker: then its tokens are the valid ones.
    return exclusively(context.state, async () => (await access()) ?? refresh(context, account));
  });
}

function exclusively<Result>(state: SourceState, work: () => Promise<Result>): Promise<Result> {
  return state.exclusive ? state.exclusive(work) : work();
}

async function oneAtATime<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const turn = (underWay.get(name) ?? Promise.resolve()).then(work, work);
  underWay.set(name, turn);
  return turn.finally(() => {
    if (underWay.get(name) === turn) underWay.delete(name);
  });
}

function accessOf({ accessToken, expiresAt = 0 }: Consent, rejected?: string): string | undefined {
  return accessToken !== rejected && expiresAt - MARGIN_MS > Date.now() ? accessToken : undefined;
}

async function recall(
  { state }: TwitterContext,
  { id, refreshToken }: Account & { refreshToken: Secret },
): Promise<Consent> {
  const seed = createHash("sha256").update(refreshToken.reveal()).digest("hex");
  const text = await state.get(nameOf(id));
  const stored = text === undefined ? undefined : Consent.parse(JSON.parse(text));
  return stored?.seed === seed ? stored : { seed, refreshToken: refreshToken.reveal(), attempts: 0, refused: false };
}

async function remember({ state }: TwitterContext, accountId: string, consent: Consent): Promise<void> {
  await state.put(nameOf(accountId), JSON.stringify(consent));
}

function nameOf(accountId: string): string {
  return `oauth2:${accountId}`;
}

/** The new refresh token is durable before its access token is used: from then on a crash loses nothing. */
async function refresh(context: TwitterContext, account: Account & { refreshToken: Secret }): Promise<string> {
  const known = await recall(context, account);
  let { attempts } = known;
  while (!known.refused && attempts < ATTEMPTS) {
    attempts += 1;
    await remember(context, account.id, { ...known, attempts });
    const answer = await requestTokens(context, known.refreshToken);
    if ("granted" in answer) {
      const { access_token, refresh_token, expires_in } = answer.granted;
      const refreshToken = refresh_token ?? known.refreshToken;
      const expiresAt = Date.now() + expires_in * 1000;
      await remember(context, account.id, {
        seed: known.seed,
        refreshToken,
        attempts: 0,
        refused: false,
        accessToken: access_token,
        expiresAt,
      });
      return access_token;
    }
    if (answer.use === "none") await remember(context, account.id, { ...known, attempts: attempts - 1 });
    if (answer.use === "refused") await remember(context, account.id, { ...known, attempts, refused: true });
    if (answer.use !== "unknown") throw answer.error;
    context.log.warn("X's answer to a refresh of the sign-in was lost", { account: account.id, attempts });
  }
  throw consentNeeded(account.id);
}

type Answer = { granted: z.infer<typeof Granted> } | { use: "none" | "refused" | "unknown"; error: Error };

async function requestTokens(context: TwitterContext, refreshToken: string): Promise<Answer> {
  context.signal.throwIfAborted();
  try {
    return { granted: Granted.parse(await postRefresh(context.settings, refreshToken)) };
  } catch (error) {
    return { use: useOf(error), error: explain(error) };
  }
}

/** Whether X may have taken the refresh token. An answer with an error status says that it gave no new one. */
function useOf(error: unknown): "none" | "refused" | "unknown" {
  if (error instanceof ApiResponseError) {
    const fault =
      error.code === 429 ||
      error.code >= 500 ||
      error.data.error === "invalid_client" ||
      error.data.error === "unauthorized_client";
    return fault ? "none" : "refused";
  }
  const code = error instanceof ApiRequestError ? (transportFault(error).code ?? "") : "";
  return NOT_SENT.has(code) ? "none" : "unknown";
}

function explain(error: unknown): HansardError {
  if (error instanceof z.ZodError)
    return new UnavailableError("X's answer to the refresh of the sign-in holds no tokens.");
  const explained = toHansardError(error, "the refresh of the sign-in");
  if (!(error instanceof ApiResponseError) || explained.kind === "rate-limited" || explained.kind === "unavailable")
    return explained;
  if (useOf(error) === "none") {
    return new AuthenticationError(explained.message, {
      remedy: "Check clientId and clientSecret against the app in X's developer console.",
    });
  }
  return new AuthenticationError(explained.message, { remedy: REMEDY });
}

const REMEDY = "Let the account's owner consent again, and put the new refreshToken into the settings.";

function consentNeeded(accountId: string): AuthenticationError {
  return new AuthenticationError(
    `The sign-in of account ${accountId} is lost: its refresh token was used or refused, and the next one did not arrive.`,
    { remedy: REMEDY },
  );
}
