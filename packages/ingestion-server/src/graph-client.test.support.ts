import { Client, type Context, HTTPMessageHandler } from "@microsoft/microsoft-graph-client";

/** Microsoft's client hands its token to Microsoft's hosts alone, and so a step of its chain adds it. */
export function graphClient(baseUrl: string, token: string): Client {
  const last = new HTTPMessageHandler();
  const middleware = {
    async execute(context: Context) {
      const headers = new Headers(context.options?.headers);
      headers.set("Authorization", `Bearer ${token}`);
      context.options = { ...context.options, headers };
      await last.execute(context);
    },
  };
  return Client.initWithMiddleware({ baseUrl, defaultVersion: "v1.0", middleware });
}
