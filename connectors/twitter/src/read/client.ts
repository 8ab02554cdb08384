import {
  AuthenticationError,
  type Json,
  Secret,
  UnavailableError,
  UnexpectedResponseError,
  isHansardError,
} from "@hansard/core";
import { ApiResponseError, type TwitterApi } from "twitter-api-v2";
import { z } from "zod";
import type { Account } from "../schema.ts";
import { RefusedParameterError, skewOf, toHansardError } from "./errors.ts";
import { type Query, isSpelt, respell } from "./query.ts";
import { bearerClient, oauth1Client, options } from "./sdk.ts";
import type { TwitterContext } from "./context.ts";
import { accessTokenOf } from "./tokens.ts";

/** Requests to the API with the right credentials and in the spelling that it takes. */
export interface XClient {
  /** Whether the requests are those of the account itself, which sees more and pays less for its own. */
  owned: boolean;
  get<Schema extends z.ZodType>(path: string, schema: Schema, query?: Query): Promise<z.output<Schema>>;
  post<Schema extends z.ZodType>(path: string, schema: Schema, body: Record<string, Json>): Promise<z.output<Schema>>;
  /** How far X's clock is ahead of this machine's, by its last answer; undefined before the first. */
  skewMs(): number | undefined;
  /** For files that only this sign-in may see; undefined for OAuth 1.0a, which signs each request. */
  authorization(rejected?: Secret): Promise<Secret | undefined>;
}

interface Credentials {
  owned: boolean;
  client(rejected?: string): Promise<{ sdk: TwitterApi; token?: string }>;
  /** Whether there may be a better token after X refused one. */
  renewable: boolean;
}

/** The account's own sign-in where it has one, else the app's. */
export function openClient(context: TwitterContext, account: Account | undefined, partition?: string): XClient {
  return clientWith(context, (account && ownCredentials(context, account)) ?? appCredentials(context), partition);
}

/** The app's own sign-in, which some methods require. */
export function openAppClient(context: TwitterContext, partition?: string): XClient {
  return clientWith(context, appCredentials(context), partition);
}

function clientWith(context: TwitterContext, credentials: Credentials, partition: string | undefined): XClient {
  const { apiUrl } = context.settings;
  const request = options(apiUrl);
  let spelling: "tweet" | "post" = "tweet";
  let skewMs: number | undefined;

  async function send<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    call: (sdk: TwitterApi) => Promise<unknown>,
  ): Promise<z.output<Schema>> {
    context.signal.throwIfAborted();
    const answer = await signedIn(credentials, call).catch((error: unknown) => {
      context.signal.throwIfAborted();
      throw isHansardError(error) ? error : toHansardError(error, path, partition);
    });
    // A connection that is cut before the first byte of the body looks like an empty answer to the SDK.
    if (answer === undefined || answer === "") throw new UnavailableError(`X's answer to ${path} is empty.`);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new UnexpectedResponseError(`X's answer to ${path} is not as expected: ${z.prettifyError(parsed.error)}`, {
      ...(partition !== undefined && { scope: { partition } }),
      remedy: "Look for a newer version of the connector, or report the message.",
    });
  }

  async function get<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    query: Query = {},
  ): Promise<z.output<Schema>> {
    const ask = (words: "tweet" | "post") =>
      send(path, schema, async (sdk) => {
        const answer = await sdk.v2.get(path, respell(query, words), { ...request, fullResponse: true });
        skewMs = skewOf(answer.headers.date);
        return answer.data;
      });
    try {
      return await ask(spelling);
    } catch (error) {
      if (!(error instanceof RefusedParameterError) || spelling === "post" || !error.parameters.some(isSpelt))
        throw error;
      const answer = await ask("post");
      spelling = "post";
      return answer;
    }
  }

  return {
    owned: credentials.owned,
    get,
    skewMs: () => skewMs,
    post: (path, schema, body) => send(path, schema, (sdk) => sdk.v2.post(path, body, request)),
    async authorization(rejected) {
      const { token } = await credentials.client(rejected?.reveal().replace(/^Bearer /, ""));
      return token === undefined ? undefined : new Secret(`Bearer ${token}`);
    },
  };
}

/** An access token may end before its time: one refusal is answered with a new token, the second is final. */
async function signedIn(credentials: Credentials, call: (sdk: TwitterApi) => Promise<unknown>): Promise<unknown> {
  const { sdk, token } = await credentials.client();
  try {
    return await call(sdk);
  } catch (error) {
    if (!credentials.renewable || !(error instanceof ApiResponseError) || error.code !== 401) throw error;
    return call((await credentials.client(token)).sdk);
  }
}

function ownCredentials(context: TwitterContext, account: Account): Credentials | undefined {
  const { refreshToken, oauth1 } = account;
  if (refreshToken) {
    return {
      owned: true,
      renewable: true,
      async client(rejected) {
        const token = await accessTokenOf(context, { ...account, refreshToken }, rejected);
        return { sdk: bearerClient(context, token), token };
      },
    };
  }
  return oauth1 && { owned: true, renewable: false, client: async () => ({ sdk: oauth1Client(context, oauth1) }) };
}

function appCredentials(context: TwitterContext): Credentials {
  const { bearerToken } = context.settings;
  if (!bearerToken) {
    throw new AuthenticationError("This needs the app's own sign-in, and there is none.", {
      remedy: "Set bearerToken to the app's Bearer token.",
    });
  }
  const token = bearerToken.reveal();
  return {
    owned: false,
    renewable: false,
    client: async () => ({ sdk: bearerClient(context, token), token }),
  };
}
