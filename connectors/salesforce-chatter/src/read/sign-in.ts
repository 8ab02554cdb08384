import { createHash, createSign } from "node:crypto";
import { AuthenticationError, type SourceContext, type SourceState, UnexpectedResponseError } from "@hansard/core";
import { OAuth2 } from "jsforce";
import { z } from "zod";
import type { Settings, SignIn } from "../schema.ts";
import { toHansardError } from "./failure.ts";
import { allowed, type GuardedTransport } from "./transport.ts";

export interface Access {
  accessToken: string;
  /** Where the API is: the gateway where there is one, else the organization's own address. */
  baseUrl: string;
}

type Context = SourceContext<Settings>;

const Token = z.object({
  access_token: z.string().min(1),
  instance_url: z.url(),
  refresh_token: z.string().min(1).optional(),
});
type Token = z.infer<typeof Token>;

const STATE_KEY = "salesforce-refresh-token";
const LIFETIME_S = 180;

/** Partitions are read side by side: they share one sign-in, since a refresh token that rotates can be used only once. */
const signIns = new Map<string, Promise<Access>>();

/** Signs in, or gives what an earlier sign-in gave unless that is the refused one. */
export async function access(context: Context, transport: GuardedTransport, refused?: string): Promise<Access> {
  const key = identity(context.settings);
  const known = signIns.get(key);
  if (known) {
    const earlier = await known.catch(() => undefined);
    if (earlier && earlier.accessToken !== refused) return earlier;
  }
  const current = signIns.get(key);
  if (current !== known && current) return await current;
  const fresh = signIn(context, transport);
  signIns.set(key, fresh);
  fresh.catch(() => signIns.delete(key));
  return await fresh;
}

async function signIn(context: Context, transport: GuardedTransport): Promise<Access> {
  const { settings } = context;
  if (!settings.signIn || !settings.clientId)
    throw new AuthenticationError("The settings hold no sign-in.", { remedy: "Add signIn and clientId." });
  const token =
    settings.signIn.method === "jwt"
      ? await byAssertion(settings, settings.signIn, transport)
      : await byRefreshToken(context, settings.signIn, transport);
  const baseUrl = settings.gatewayUrl ?? settings.instanceUrl ?? allowed(token.instance_url, settings).origin;
  return { accessToken: token.access_token, baseUrl };
}

async function byAssertion(
  settings: Settings,
  { username, privateKey, audience }: SignIn & { method: "jwt" },
  transport: GuardedTransport,
): Promise<Token> {
  const claims = {
    iss: settings.clientId,
    sub: username,
    aud: audience ?? audienceOf(settings.loginUrl),
    exp: Math.floor(Date.now() / 1000) + LIFETIME_S,
  };
  const content = [{ alg: "RS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const assertion = `${content}.${sign(content, privateKey.reveal())}`;
  const oauth = oauthClient({ loginUrl: settings.loginUrl }, transport);
  return await request(() =>
    oauth.requestToken({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }),
  );
}

/** Assertions name Salesforce's own sign-in address, also where the organization signs in at its My Domain. */
export function audienceOf(loginUrl: string): string {
  const { hostname } = new URL(loginUrl);
  if (!hostname.endsWith(".my.salesforce.com")) return loginUrl;
  // The sandbox's name stands before, or in older addresses its instance behind: `acme--dev.cs42.my.salesforce.com`.
  const isSandbox = hostname.endsWith(".sandbox.my.salesforce.com") || hostname.includes("--");
  return isSandbox ? "https://test.salesforce.com" : "https://login.salesforce.com";
}

/**
 * Where Salesforce rotates refresh tokens, the new one is durable before it is needed. The token of the settings is the
 * first; the state remembers its successors, and forgets them when the operator enters another first one.
 */
async function byRefreshToken(
  { settings, state }: Context,
  { refreshToken, clientSecret }: SignIn & { method: "refresh-token" },
  transport: GuardedTransport,
): Promise<Token> {
  const first = refreshToken.reveal();
  const oauth = oauthClient(settings, transport, clientSecret?.reveal());
  return await exclusively(state, async () => {
    const known = await remembered(state, first);
    const current = known ?? first;
    // What cannot be remembered must be known before the token is used, since that may be its last use.
    if (known === undefined) await remember(state, first, first);
    const token = await request(() => oauth.refreshToken(current));
    if (token.refresh_token && token.refresh_token !== current) await remember(state, first, token.refresh_token);
    return token;
  });
}

/** Another process must not use the same refresh token between our reading and our replacing it. */
function exclusively<Result>(state: SourceState, work: () => Promise<Result>): Promise<Result> {
  return state.exclusive ? state.exclusive(work) : work();
}

const Remembered = z.object({ first: z.string(), current: z.string() });

async function remembered(state: SourceState, first: string): Promise<string | undefined> {
  const text = await state.get(STATE_KEY);
  const stored = text === undefined ? undefined : Remembered.safeParse(JSON.parse(text)).data;
  return stored?.first === hash(first) ? stored.current : undefined;
}

async function remember(state: SourceState, first: string, current: string): Promise<void> {
  await state.put(STATE_KEY, JSON.stringify({ first: hash(first), current }));
}

async function request(call: () => Promise<unknown>): Promise<Token> {
  const answer = await call().catch((error: unknown) => {
    throw toHansardError(error, "the sign-in");
  });
  const parsed = Token.safeParse(answer);
  if (!parsed.success)
    throw new UnexpectedResponseError(`The answer to the sign-in is not a token: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function oauthClient(
  { loginUrl, clientId }: { loginUrl: string; clientId?: string | undefined },
  transport: GuardedTransport,
  clientSecret?: string,
): OAuth2 {
  const oauth = new OAuth2({ loginUrl, ...(clientId && { clientId }), ...(clientSecret && { clientSecret }) });
  oauth._transport = transport;
  return oauth;
}

function sign(content: string, privateKey: string): string {
  try {
    return createSign("RSA-SHA256").update(content).sign(privateKey, "base64url");
  } catch {
    throw new AuthenticationError("The private key is not an RSA key in PEM form.", {
      remedy: "Put the whole key into signIn.privateKey, its BEGIN and END lines and line breaks included.",
    });
  }
}

/** Tells configured organizations apart, without telling their secrets. */
export function identity({ loginUrl, clientId, signIn, instanceUrl, gatewayUrl }: Settings): string {
  const secret =
    signIn?.method === "jwt"
      ? `${signIn.username} ${signIn.audience} ${signIn.privateKey.reveal()}`
      : signIn?.refreshToken.reveal();
  return hash([loginUrl, clientId, instanceUrl, gatewayUrl, secret].join("\n"));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
