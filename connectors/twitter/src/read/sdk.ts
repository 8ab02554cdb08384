import http from "node:http";
import https from "node:https";
import { type IClientSettings, type ITwitterApiClientPlugin, TwitterApi } from "twitter-api-v2";
import type { Account, Settings } from "../schema.ts";
import type { TwitterContext } from "./context.ts";

const TIMEOUT_MS = 30_000;

/**
 * Asks for new tokens, once: the SDK tries nothing again by itself. A connection of its own, since one that was kept
 * open may be dead, and then nobody could tell whether X has seen the request; nor does it end with the run.
 */
export async function postRefresh(
  { apiUrl, clientId = "", clientSecret }: Settings,
  refreshToken: string,
): Promise<unknown> {
  const { Agent } = apiUrl.startsWith("http:") ? http : https;
  const connection = { httpAgent: new Agent({ keepAlive: false }) };
  const client = clientSecret
    ? new TwitterApi({ username: clientId, password: clientSecret.reveal() }, connection)
    : new TwitterApi({ clientId }, connection);
  const body = { grant_type: "refresh_token", refresh_token: refreshToken, client_id: clientId };
  return client.post("oauth2/token", body, { ...options(apiUrl), forceBodyMode: "url" });
}

export function bearerClient({ settings, signal }: TwitterContext, token: string): TwitterApi {
  return new TwitterApi(token, transport(settings.apiUrl, signal));
}

export function oauth1Client({ settings, signal }: TwitterContext, tokens: NonNullable<Account["oauth1"]>): TwitterApi {
  const { appKey, appSecret, accessToken, accessSecret } = tokens;
  const revealed = {
    appKey: appKey.reveal(),
    appSecret: appSecret.reveal(),
    accessToken: accessToken.reveal(),
    accessSecret: accessSecret.reveal(),
  };
  return new TwitterApi(revealed, transport(settings.apiUrl, signal));
}

/** Uncompressed, since the SDK lets a damaged compressed answer end the process. */
export function options(apiUrl: string): { prefix: string; timeout: number; compression: "identity" } {
  return { prefix: `${apiUrl.replace(/\/$/, "")}/2/`, timeout: TIMEOUT_MS, compression: "identity" };
}

const plain = new http.Agent({ keepAlive: true });

/**
 * Requests end with the run. The SDK speaks plain HTTP, as to a proxy on this machine, only when it is given an agent
 * for it.
 */
function transport(apiUrl: string, signal: AbortSignal): Partial<IClientSettings> {
  const endWithRun: ITwitterApiClientPlugin = {
    onBeforeRequest({ requestOptions }) {
      requestOptions.signal = signal;
    },
  };
  return { plugins: [endWithRun], ...(apiUrl.startsWith("http:") && { httpAgent: plain }) };
}
