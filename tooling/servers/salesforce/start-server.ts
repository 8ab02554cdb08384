import { createServer } from "node:http";
import { handle, type ServerOptions, type ServerState } from "./handle.ts";

export interface SalesforceServer extends ServerState {
  close(): Promise<void>;
}

/** Serves an organization over HTTP, as strictly as Salesforce does. */
export async function startSalesforce(options: ServerOptions): Promise<SalesforceServer> {
  const state: ServerState = {
    options,
    url: "",
    requests: [],
    usage: { used: 0 },
    faults: options.faults ?? {},
    tokens: new Map(),
    cursors: new Map(),
  };
  const server = createServer((request, response) => {
    handle(state, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("The server has no port.");
  state.url = `http://127.0.0.1:${address.port}`;
  return Object.assign(state, {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
