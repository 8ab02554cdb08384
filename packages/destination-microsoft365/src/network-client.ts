import { AuthError, type INetworkModule } from "@azure/msal-node";
import { type Dispatcher, request } from "undici";

const TIMEOUT_MS = 30_000;
const MOST_BYTES = 256 * 1024;
/** The code of an address that gave no answer. */
export const UNREACHED = "unreached";

/**
 * Lets the sign-in library use our connections: the same proxy, the same trusted authorities, and time limits. Without a
 * dispatcher it asks directly. The library insists on https for authorities; the one that is plain is asked plainly.
 */
export function networkClient(dispatcher?: Dispatcher, authorityUrl?: string): INetworkModule {
  const isPlain = authorityUrl?.startsWith("http:") ?? false;
  const host = authorityUrl === undefined ? undefined : new URL(authorityUrl).host;

  async function send<T>(
    method: "GET" | "POST",
    url: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<{ headers: Record<string, string>; body: T; status: number }> {
    const target = new URL(url);
    if (isPlain && target.host === host) target.protocol = "http:";
    const answer = await request(target, {
      method,
      headers,
      ...(dispatcher !== undefined && { dispatcher }),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      ...(body !== undefined && { body }),
    }).catch((error: unknown) => {
      throw unreached(target.host, error);
    });
    const text = (await answer.body.text()).slice(0, MOST_BYTES);
    const flat = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
    return { headers: flat, body: parsed(text) as T, status: answer.statusCode };
  }

  return {
    sendGetRequestAsync: (url, options) => send("GET", url, options?.headers),
    sendPostRequestAsync: (url, options) => send("POST", url, options?.headers, options?.body),
  };
}

/** The library passes its own errors on, and forgets the address and the reason of any other. */
function unreached(host: string, error: unknown): AuthError {
  const failure = new AuthError(UNREACHED, "");
  failure.errorMessage = `${host}: ${error instanceof Error ? error.message : String(error)}`;
  return failure;
}

/** A proxy's page is no answer of Entra ID's: it is said as one, so that its beginning stands in the error. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {
      error: "not_json",
      error_description: `The sign-in address answered with something else than JSON: ${text.slice(0, 200)}`,
    };
  }
}
