import type { SourceContext } from "@hansard/core";
import { Connection } from "jsforce";
import type { Settings } from "../schema.ts";
import { codeOf, toHansardError } from "./failure.ts";
import { type Access, access } from "./sign-in.ts";
import { GuardedTransport } from "./transport.ts";

/** Runs one request. An expired sign-in is renewed once, and errors become core's. */
export type Call = <Result>(
  task: string,
  use: (connection: Connection, transport: GuardedTransport) => PromiseLike<Result>,
) => Promise<Result>;

export async function openCaller(context: SourceContext<Settings>): Promise<Call> {
  const { settings } = context;
  const transport = new GuardedTransport(settings, context.signal);
  let connection = connect(settings, transport, await access(context, transport));
  return async (task, use) => {
    const current = connection;
    try {
      return await use(current, transport);
    } catch (error) {
      if (codeOf(error) !== "INVALID_SESSION_ID") throw toHansardError(error, task);
    }
    if (connection === current)
      connection = connect(settings, transport, await access(context, transport, current.accessToken ?? ""));
    try {
      return await use(connection, transport);
    } catch (error) {
      throw toHansardError(error, task);
    }
  };
}

/** jsforce's own renewal repeats for ever when the renewed sign-in is refused too, so it gets no client id to do it with. */
function connect({ apiVersion }: Settings, transport: GuardedTransport, { accessToken, baseUrl }: Access): Connection {
  // Without a version jsforce speaks 50.0, in which newer fields are missing.
  const connection = new Connection({ instanceUrl: baseUrl, accessToken, version: apiVersion });
  connection._transport = transport;
  return connection;
}
