import { Client, type Dispatcher } from "undici";
import { accountOf, authenticate, negotiate, readChallenge } from "./ntlm.ts";
import type { Settings, SignIn } from "./settings.ts";
import { connectorOf, type HttpAnswer, peerCertificate, post, type Posting, type SignedInDoor } from "./transport.ts";

/** NTLM signs in a connection, not a request: each has a client of its own, and one request at a time. */
export function ntlmDoor(settings: Settings, signIn: Extract<SignIn, { method: "ntlm" }>): SignedInDoor {
  const account = accountOf(signIn.user, signIn.password.reveal());
  const { origin, host } = new URL(settings.url);
  const connect = connectorOf(settings);
  const idle: NtlmConnection[] = [];
  const all: NtlmConnection[] = [];

  function open(): NtlmConnection {
    const channel: NtlmConnection["channel"] = {};
    const client = new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: 60_000,
      connect: (options, callback) =>
        connect(options, (...[error, socket]) => {
          if (error) return callback(error, null);
          channel.certificate = peerCertificate(socket);
          return callback(null, socket);
        }),
    });
    const connection = { client, channel };
    all.push(connection);
    return connection;
  }

  async function handshake({ client, channel }: NtlmConnection, posting: Posting): Promise<HttpAnswer> {
    const first = await post(client, settings, {
      ...posting,
      body: "",
      headers: withAuthorization(posting, negotiate()),
    });
    const challenge = /NTLM ([A-Za-z0-9+/=]+)/.exec([first.headers["www-authenticate"] ?? ""].flat().join(","))?.[1];
    if (challenge === undefined) return first;
    const proof = authenticate(account, readChallenge(Buffer.from(challenge, "base64")), host, channel.certificate);
    return post(client, settings, { ...posting, headers: withAuthorization(posting, proof) });
  }

  return {
    async post(posting) {
      const connection = idle.pop() ?? open();
      try {
        // An empty body first: a refused one would have been sent for nothing.
        const answer = connection.isSignedIn ? await post(connection.client, settings, posting) : undefined;
        const last = answer && answer.status !== 401 ? answer : await handshake(connection, posting);
        connection.isSignedIn = last.status !== 401;
        return last;
      } finally {
        idle.push(connection);
      }
    },
    renew: () => Promise.resolve(false),
    tokensFetched: () => 0,
    close: async () => {
      await Promise.all(all.map(({ client }) => client.destroy()));
    },
  };
}

interface NtlmConnection {
  client: Dispatcher & { destroy(): Promise<void> };
  /** The TLS channel that it is bound to. */
  channel: { certificate?: Buffer | undefined };
  isSignedIn?: boolean;
}

function withAuthorization({ headers }: Posting, message: Buffer): Record<string, string> {
  return { ...headers, authorization: `NTLM ${message.toString("base64")}` };
}
