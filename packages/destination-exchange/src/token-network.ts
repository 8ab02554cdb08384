import type { INetworkModule } from "@azure/msal-node";
import type { Agent } from "undici";

type Request = Parameters<INetworkModule["sendPostRequestAsync"]>[1];

const TIMEOUT_MS = 30_000;

/** Fetches tokens over the same connections, so that `caFile` holds for the authority too. */
export function tokenNetwork(agent: Agent, isPlain: boolean): INetworkModule {
  async function send<Body>(
    method: "GET" | "POST",
    url: string,
    request: Request,
  ): Promise<{ headers: Record<string, string>; body: Body; status: number }> {
    const { origin, pathname, search } = new URL(isPlain ? url.replace(/^https:/, "http:") : url);
    const answer = await agent.request({
      origin,
      path: pathname + search,
      method,
      headers: request?.headers ?? {},
      ...(method === "POST" && { body: request?.body ?? "" }),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
    // The library checks what it is given.
    return { headers, body: (await answer.body.json()) as Body, status: answer.statusCode };
  }
  return {
    sendGetRequestAsync: (url, request) => send("GET", url, request),
    sendPostRequestAsync: (url, request) => send("POST", url, request),
  };
}
