import { type Server, type Socket, createServer } from "node:net";
import { isHansardError } from "@hansard/core";
import type { Destination } from "@hansard/core/ingestion";
import { afterEach, expect, test } from "vitest";
import { contextOf, hashOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openImapDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

const signal = new AbortController().signal;

/** How the scripted server answers an APPEND whose literal it announces to take, once it has the bytes that it waits for. */
interface Script {
  /** Said at once in place of `+`. */
  refusal?: string;
  /** Breaks the connection after this many bytes of the message. */
  breakAfterBytes?: number;
  /** Said once the message is there; absent: the connection breaks instead. */
  answer?: string;
  capabilities?: string;
  create?: string;
  login?: string;
  greeting?: string;
  /** The folder that messages go to is there, and this is said to whoever searches it; "" breaks the connection. */
  search?: string;
  /** Said to whoever asks whether the folder is there; "" breaks the connection. */
  status?: string;
}

interface Scripted {
  destination: Destination;
  received: Buffer[];
  connections: () => number;
}

const servers: Server[] = [];
const destinations: Destination[] = [];

afterEach(async () => {
  for (const destination of destinations.splice(0)) await destination.close();
  for (const server of servers.splice(0)) server.close();
});

async function start(script: Script, settings: object = {}): Promise<Scripted> {
  const received: Buffer[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    serve(socket, script, received);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The scripted server is not listening.");
  const destination = await openImapDestination(
    contextOf(
      "imap",
      Settings.parse({
        host: "127.0.0.1",
        port: address.port,
        tls: "none",
        signIn: { method: "password", user: "archive", password: "a-secret" },
        layout: { kind: "shared-account", rootFolder: [] },
        timeoutMs: 2000,
        ...settings,
      }),
    ),
  );
  destinations.push(destination);
  return { destination, received, connections: () => connections };
}

/** As much of IMAP as one client needs that signs in, makes a folder and appends. */
function serve(socket: Socket, script: Script, received: Buffer[]): void {
  let buffer = Buffer.alloc(0);
  let literal: { tag: string; left: number; bytes: Buffer[]; total: number } | undefined;
  const say = (line: string): unknown => socket.write(`${line}\r\n`);
  socket.on("error", () => undefined);
  say(script.greeting ?? "* OK ready");
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      if (literal) {
        const taken = buffer.subarray(0, literal.left);
        literal.bytes.push(taken);
        literal.total += taken.length;
        literal.left -= taken.length;
        buffer = buffer.subarray(taken.length);
        if (script.breakAfterBytes !== undefined && literal.total >= script.breakAfterBytes)
          return void socket.resetAndDestroy();
        if (literal.left > 0) return;
        received.push(Buffer.concat(literal.bytes));
        if (script.answer === undefined) return void socket.destroy();
        say(script.answer.replace("TAG", literal.tag));
        literal = undefined;
        continue;
      }
      const end = buffer.indexOf("\r\n");
      if (end === -1) return;
      const line = buffer.subarray(0, end).toString();
      buffer = buffer.subarray(end + 2);
      const [tag = "", command = ""] = line.split(" ");
      const size = /\{(\d+)(\+?)\}$/.exec(line);
      if (command === "APPEND" && script.refusal) say(`${tag} ${script.refusal}`);
      else if (command === "APPEND" && size) {
        literal = { tag, left: Number(size[1]), bytes: [], total: 0 };
        say("+ go on");
      } else if (command === "CAPABILITY") {
        say(`* CAPABILITY IMAP4rev1 ${script.capabilities ?? "UIDPLUS"}`);
        say(`${tag} OK done`);
      } else if (command === "LOGIN") say(`${tag} ${script.login ?? "OK signed in"}`);
      else if (command === "CREATE") say(`${tag} ${script.create ?? "OK made"}`);
      else if (script.status !== undefined && command === "STATUS") {
        if (script.status === "") return void socket.destroy();
        say(`${tag} ${script.status}`);
      } else if (script.search !== undefined && command === "STATUS") {
        say('* STATUS "alice@contoso.example/Slack" (UIDVALIDITY 7)');
        say(`${tag} OK done`);
      } else if (script.search !== undefined && command === "EXAMINE") {
        say("* 1 EXISTS");
        say("* OK [UIDVALIDITY 7] valid");
        say(`${tag} OK [READ-ONLY] done`);
      } else if (script.search !== undefined && line.includes(" SEARCH ")) {
        if (script.search === "") return void socket.destroy();
        say(`${tag} ${script.search}`);
      } else if (command === "STATUS" || command === "SELECT" || command === "EXAMINE")
        say(`${tag} NO [NONEXISTENT] no such folder`);
      else if (command === "LIST") {
        say('* LIST (\\Noselect) "/" ""');
        say(`${tag} OK done`);
      } else if (line !== "") say(`${tag} OK done`);
    }
  });
}

const STORED = "TAG OK [APPENDUID 7 42] stored";

test.each([false, true])(
  "the message arrives byte for byte, and the receipt is what the server said (large: %s)",
  async (large) => {
    const { destination, received } = await start({ answer: STORED });
    const delivery = sampleDelivery(1, { large });
    expect(await destination.submit([delivery], { signal })).toMatchObject([
      {
        status: "accepted",
        receipt: { itemId: "7:42:alice@contoso.example/Slack", correlationId: delivery.message.id },
      },
    ]);
    expect(hashOf(received[0]!)).toBe(delivery.mail.sha256);
  },
);

test.each([false, true])(
  "a connection that is lost after the message was sent leaves it unknown (large: %s)",
  async (large) => {
    const { destination } = await start({});
    expect(await destination.submit([sampleDelivery(1, { large })], { signal })).toMatchObject([{ status: "unknown" }]);
  },
);

test("a server that stays silent after the message was sent leaves it unknown", async () => {
  const { destination } = await start({ answer: "* OK still thinking" }, { timeoutMs: 300 });
  const outcomes = await destination.submit([sampleDelivery(1), sampleDelivery(2, { large: true })], { signal });
  expect(outcomes).toMatchObject([{ status: "unknown" }, { status: "unknown" }]);
});

test("a connection that is lost in the middle of a large message is tried again", async () => {
  const { destination } = await start({ breakAfterBytes: 500_000 });
  expect(await destination.submit([sampleDelivery(1, { large: true })], { signal })).toMatchObject([
    { status: "retry" },
  ]);
});

test.each([
  ["NO [OVERQUOTA] full", "misconfigured"],
  ["NO [NOPERM] not yours", "misconfigured"],
  ["NO [UNAVAILABLE] later", "retry"],
  ["NO [TRYCREATE] no folder", "retry"],
  ["NO [TOOBIG] too big", "refused"],
  ["NO this message I do not like", "refused"],
  ["BAD what is this", "refused"],
])("the refusal %s is sorted as %s, gathered or streamed", async (refusal, status) => {
  const { destination } = await start({ refusal });
  const outcomes = await destination.submit([sampleDelivery(1), sampleDelivery(2, { large: true })], { signal });
  expect(outcomes).toMatchObject([{ status }, { status }]);
});

test("a message is never sent whole when the journal's content is not what it was, and those behind it arrive", async () => {
  const { destination, received } = await start({ answer: STORED });
  const [small, large] = [sampleDelivery(1), sampleDelivery(2, { large: true })];
  small.mail.sha256 = "1".repeat(64);
  large.mail.sha256 = "2".repeat(64);
  const outcomes = await destination.submit([small, large, sampleDelivery(3)], { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(["refused", "refused", "accepted"]);
  expect(received.map(hashOf)).toEqual([sampleDelivery(3).mail.sha256]);
});

test("one connection serves many small messages, and no more are opened than allowed", async () => {
  const { destination, connections } = await start({ answer: STORED }, { connections: 2 });
  const deliveries = Array.from({ length: 30 }, (_, index) => sampleDelivery(index));
  const outcomes = await destination.submit(deliveries, { signal });
  expect(outcomes.filter(({ status }) => status === "accepted")).toHaveLength(30);
  expect(connections()).toBe(2);
});

test("a server without UIDPLUS that cannot show the message leaves it unknown", async () => {
  const { destination } = await start({ answer: "TAG OK stored", capabilities: "" });
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([{ status: "unknown" }]);
});

test("a sign-in that the server cannot handle now is tried again; no password shows in any reason", async () => {
  const { destination } = await start({ login: "NO [UNAVAILABLE] the directory is down" });
  const [outcome] = await destination.submit([sampleDelivery(1)], { signal });
  expect(outcome).toMatchObject({ status: "retry" });
  const refused = await (
    await start({ login: "NO [AUTHENTICATIONFAILED] a-secret is wrong?" })
  ).destination.submit([sampleDelivery(1)], { signal });
  expect(refused).toMatchObject([{ status: "misconfigured", reason: expect.stringContaining("[secret] is wrong?") }]);
  expect(JSON.stringify(refused)).not.toContain("a-secret");
});

test("a server that is closing or absent is tried again", async () => {
  const { destination } = await start({ greeting: "* BYE too many connections" });
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([{ status: "retry" }]);
  const absent = await start({ answer: STORED }, { port: 1 });
  expect(await absent.destination.submit([sampleDelivery(1)], { signal })).toMatchObject([{ status: "retry" }]);
});

test("a folder that may not be made stops delivery and says which right is missing", async () => {
  const { destination } = await start({ create: "NO [NOPERM] no right k" });
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([
    { status: "misconfigured", remedy: expect.stringContaining("rights") },
  ]);
});

test("an ended run sends nothing more", async () => {
  const { destination, received } = await start({ answer: STORED });
  const outcomes = await destination.submit([sampleDelivery(1)], { signal: AbortSignal.abort() });
  expect(outcomes).toMatchObject([{ status: "retry" }]);
  expect(received).toEqual([]);
});

test.each<[string, Script, object, string]>([
  ["a server that is absent", {}, { port: 1 }, "unavailable"],
  ["a server that is closing", { greeting: "* BYE too many connections" }, {}, "unavailable"],
  ["a refused sign-in", { login: "NO [AUTHENTICATIONFAILED] no" }, {}, "authentication"],
  ["a folder that is busy", { status: "NO [INUSE] later" }, {}, "unavailable"],
  ["a connection that breaks early", { status: "" }, {}, "unavailable"],
  ["a refused search", { search: "NO [SERVERBUG] not now" }, {}, "unavailable"],
  ["a connection that breaks", { search: "" }, {}, "unavailable"],
])("a look that comes to nothing is said to be so, and what to do: %s", async (_, script, settings, kind) => {
  const { destination } = await start(script, settings);
  const error: unknown = await destination.find([sampleDelivery(1)], { signal }).catch((thrown: unknown) => thrown);
  expect(isHansardError(error) && error.kind).toBe(kind);
  const receipt = { itemId: "7:1:alice@contoso.example/Slack", correlationId: "" };
  const reading = destination.read?.("alice@contoso.example", receipt)[Symbol.asyncIterator]().next();
  expect(isHansardError(await reading?.catch((thrown: unknown) => thrown))).toBe(true);
});
