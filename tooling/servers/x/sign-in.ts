import { createHmac, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Refusal, problem } from "./refusal.ts";

/** Who may do what at the pretended X. */
export interface SignIns {
  bearerToken: string;
  clientId: string;
  clientSecret: string | undefined;
  oauth1: { appKey: string; appSecret: string; accessToken: string; accessSecret: string; account: string };
  /** Refresh tokens that were not yet used. */
  refreshTokens: Map<string, Grant>;
  accessTokens: Map<string, Grant & { expiresAt: number; used: boolean }>;
}

export interface Grant {
  account: string;
  scopes: string[];
}

export type Caller = { kind: "app" } | { kind: "user"; account: string; scopes: string[]; oauth2: boolean };

/** Access tokens last two hours; refresh tokens one use. */
const LIFETIME_S = 7200;

export function consent(signIns: SignIns, account: string, scopes: string[]): string {
  const token = `refresh-${randomBytes(12).toString("hex")}`;
  signIns.refreshTokens.set(token, { account, scopes });
  return token;
}

/** The token endpoint: the old refresh token is gone before the new one is sent. */
export function exchange(signIns: SignIns, request: IncomingMessage, form: URLSearchParams, now: number): object {
  checkClient(signIns, request, form);
  const token = form.get("refresh_token") ?? "";
  const grant = signIns.refreshTokens.get(token);
  if (form.get("grant_type") !== "refresh_token" || !grant) {
    throw new Refusal(400, { error: "invalid_request", error_description: "Value passed for the token was invalid." });
  }
  signIns.refreshTokens.delete(token);
  const accessToken = `access-${randomBytes(12).toString("hex")}`;
  signIns.accessTokens.set(accessToken, { ...grant, expiresAt: now + LIFETIME_S * 1000, used: false });
  return {
    token_type: "bearer",
    expires_in: LIFETIME_S,
    access_token: accessToken,
    scope: grant.scopes.join(" "),
    refresh_token: consent(signIns, grant.account, grant.scopes),
  };
}

function checkClient({ clientId, clientSecret }: SignIns, request: IncomingMessage, form: URLSearchParams): void {
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret ?? ""}`).toString("base64")}`;
  const known =
    clientSecret === undefined ? form.get("client_id") === clientId : request.headers.authorization === basic;
  if (!known) throw new Refusal(401, { error: "invalid_client", error_description: "The client is not known." });
}

export function callerOf(signIns: SignIns, request: IncomingMessage, url: URL, now: number): Caller {
  const { authorization = "" } = request.headers;
  if (authorization === `Bearer ${signIns.bearerToken}`) return { kind: "app" };
  const grant = signIns.accessTokens.get(authorization.replace(/^Bearer /, ""));
  if (grant && grant.expiresAt > now) return { kind: "user", oauth2: true, ...grant };
  if (authorization.startsWith("OAuth ") && isSigned(signIns, authorization, request.method ?? "GET", url)) {
    const scopes = ["tweet.read", "users.read", "dm.read", "like.read"];
    return { kind: "user", oauth2: false, account: signIns.oauth1.account, scopes };
  }
  throw problem(401, "Unauthorized", "Unauthorized");
}

/** OAuth 1.0a: the signature covers the method, the address and every parameter. */
function isSigned({ oauth1 }: SignIns, authorization: string, method: string, url: URL): boolean {
  const given = [...authorization.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]): [string, string] => [
    name,
    decodeURIComponent(value),
  ]);
  const own = new Map(given);
  if (own.get("oauth_consumer_key") !== oauth1.appKey || own.get("oauth_token") !== oauth1.accessToken) return false;
  const all = [...given.filter(([name]) => name !== "oauth_signature"), ...url.searchParams].map(
    ([name, value]) => `${encode(name)}=${encode(value)}`,
  );
  const base = [method, `${url.origin}${url.pathname}`, all.toSorted().join("&")].map(encode).join("&");
  const key = `${encode(oauth1.appSecret)}&${encode(oauth1.accessSecret)}`;
  return own.get("oauth_signature") === createHmac("sha1", key).update(base).digest("base64");
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Which kinds of sign-in a method takes, and the scopes that a person must have granted. */
export interface Need {
  app: boolean;
  user: boolean;
  oauth1?: boolean;
  scopes: string[];
}

export function checkCaller(caller: Caller, need: Need): void {
  const type = "https://api.twitter.com/2/problems/unsupported-authentication";
  if (!need[caller.kind] || (caller.kind === "user" && !caller.oauth2 && need.oauth1 === false)) {
    throw problem(
      403,
      "Unsupported Authentication",
      "Authenticating with this kind of token is forbidden for this endpoint.",
      type,
    );
  }
  if (caller.kind === "user" && !need.scopes.every((scope) => caller.scopes.includes(scope))) {
    throw problem(403, "Forbidden", `The token lacks one of the scopes ${need.scopes.join(", ")}.`);
  }
}
