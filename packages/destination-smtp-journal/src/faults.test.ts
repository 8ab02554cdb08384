import { type Server, type Socket, createServer } from "node:net";
import type { Destination } from "@hansard/core/ingestion";
import { afterEach, expect, test } from "vitest";
import { contextOf, hashOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openJournalDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

const signal = new AbortController().signal;
const TEN_MINUTES_MS = 600_000;

/** What the scripted server says in place of its usual answer. `""` breaks the connection there. */
interface Script {
  greeting?: string;
  ehlo?: string[];
  auth?: string;
  mail?: string;
  rcpt?: string;
  data?: string;
  /** After the final dot. */
  dot?: string;
  /** Breaks the connection after this many bytes of the message. */
  breakAfterBytes?: number;
  /** Ends each connection after this many messages. */
  messagesPerConnection?: number;
}

interface Scripted {
  destination: Destination;
  commands: string[];
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
  const [commands, received]: [string[], Buffer[]] = [[], []];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    serve(socket, script, commands, received);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The scripted server is not listening.");
  const defaults = {
    preset: "generic",
    host: "127.0.0.1",
    port: address.port,
    tls: "none",
    recipient: "journal@archive.example",
    timeoutMs: 2000,
  };
  const destination = await openJournalDestination(
    contextOf("smtp-journal", Settings.parse({ ...defaults, ...settings })),
  );
  destinations.push(destination);
  return { destination, commands, received, connections: () => connections };
}

function serve(socket: Socket, script: Script, commands: string[], received: Buffer[]): void {
  let buffer = Buffer.alloc(0);
  let inMessage = false;
  let carried = 0;
  socket.on("error", () => undefined);
  const say = (line: string): void => void (line === "" ? socket.destroy() : socket.write(`${line}\r\n`));
  say(script.greeting ?? "220 scripted");
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      if (inMessage) {
        if (script.breakAfterBytes !== undefined && buffer.length >= script.breakAfterBytes)
          return void socket.resetAndDestroy();
        const end = buffer.indexOf("\r\n.\r\n");
        if (end === -1) return;
        received.push(
          Buffer.from(
            buffer
              .subarray(0, end + 2)
              .toString("latin1")
              .replaceAll("\r\n..", "\r\n."),
            "latin1",
          ),
        );
        buffer = buffer.subarray(end + 5);
        inMessage = false;
        carried += 1;
        say(script.dot ?? "250 2.0.0 kept");
        if (carried === script.messagesPerConnection) socket.end();
        continue;
      }
      const end = buffer.indexOf("\r\n");
      if (end === -1) return;
      const line = buffer.subarray(0, end).toString();
      buffer = buffer.subarray(end + 2);
      commands.push(line);
      const command = line.slice(0, 4).toUpperCase();
      if (command === "EHLO") for (const answer of script.ehlo ?? ["250-scripted", "250 8BITMIME"]) say(answer);
      else if (command === "STAR") say("502 5.5.1 no TLS here");
      else if (command === "AUTH") say(script.auth ?? "235 2.7.0 in");
      else if (command === "MAIL") say(script.mail ?? "250 2.1.0 yes");
      else if (command === "RCPT") say(script.rcpt ?? "250 2.1.5 yes");
      else if (command === "DATA") {
        inMessage = script.data === undefined;
        say(script.data ?? "354 go on");
      } else say("250 yes");
    }
  });
}

/** The mail within, behind the fields that the preset adds. */
function mailIn(received: Buffer): Buffer {
  return received.subarray(received.indexOf("Message-ID:"));
}

test("a message arrives byte for byte, dots and all, with the null sender", async () => {
  const { destination, commands, received } = await start({});
  const delivery = sampleDelivery(1, { text: ".\r\n..\r\n.hidden\r\n" });
  expect(await destination.submit([delivery], { signal })).toEqual([
    { status: "accepted", receipt: { itemId: delivery.message.id, correlationId: "250 2.0.0 kept" } },
  ]);
  expect(hashOf(mailIn(received[0]!))).toBe(delivery.mail.sha256);
  expect(commands).toContain("MAIL FROM:<>");
});

test.each([false, true])(
  "a connection that is lost after the final dot leaves it unknown (large: %s)",
  async (large) => {
    const { destination } = await start({ dot: "" });
    expect(await destination.submit([sampleDelivery(1, { large })], { signal })).toMatchObject([{ status: "unknown" }]);
    expect(destination.settleMs).toBeGreaterThanOrEqual(TEN_MINUTES_MS);
  },
);

test("a server that is silent after the final dot leaves it unknown", async () => {
  const { destination } = await start({ dot: "250-thinking" }, { timeoutMs: 300 });
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([{ status: "unknown" }]);
});

test("a connection that is lost in the middle of a large message is tried again", async () => {
  const { destination } = await start({ breakAfterBytes: 500_000 });
  const delivery = sampleDelivery(1, { large: true });
  const [head, blob] = delivery.mail.segments;
  // More than the system's buffers between the two can hold.
  delivery.mail.segments = [head!, ...Array.from({ length: 12 }, () => blob!)];
  delivery.mail.size = 50_000_000;
  expect(await destination.submit([delivery], { signal })).toMatchObject([{ status: "retry" }]);
});

test.each<[Script, string, string]>([
  [{ greeting: "421 4.3.2 too busy" }, "journal@archive.example", "retry"],
  [{ greeting: "" }, "journal@archive.example", "retry"],
  [{ greeting: "554 5.7.1 not you" }, "journal@archive.example", "misconfigured"],
  [{ mail: "451 4.3.0 later" }, "journal@archive.example", "retry"],
  [{ mail: "" }, "journal@archive.example", "retry"],
  [{ mail: "550 5.7.1 sender denied" }, "journal@archive.example", "misconfigured"],
  [{ mail: "530 5.7.0 sign in first" }, "journal@archive.example", "misconfigured"],
  [{ rcpt: "450 4.2.1 greylisted" }, "mailbox", "retry"],
  [{ rcpt: "550 5.1.1 no such user" }, "mailbox", "no-mailbox"],
  [{ rcpt: "550 user unknown" }, "mailbox", "no-mailbox"],
  [{ rcpt: "550 5.1.10 RESOLVER.ADR.RecipientNotFound" }, "mailbox", "no-mailbox"],
  [{ rcpt: "550 5.1.1 no such user" }, "journal@archive.example", "misconfigured"],
  [{ rcpt: "550 5.7.1 access denied" }, "mailbox", "misconfigured"],
  [{ rcpt: "554 5.7.1 relay access denied" }, "mailbox", "misconfigured"],
  [{ rcpt: "552 5.2.2 mailbox full" }, "mailbox", "retry"],
  [{ rcpt: "452 4.2.2 mailbox full" }, "mailbox", "retry"],
  [{ data: "451 4.3.0 later" }, "journal@archive.example", "retry"],
  [{ dot: "451 4.3.0 later" }, "journal@archive.example", "retry"],
  [{ dot: "554 5.6.0 I do not like this" }, "journal@archive.example", "refused"],
  [{ dot: "552 5.3.4 too large" }, "journal@archive.example", "refused"],
  [{ ehlo: ["250-scripted", "250 SIZE 200"] }, "journal@archive.example", "refused"],
])("the answer %o for %s is sorted as %s", async (script, recipient, status) => {
  const { destination, received } = await start(script, { recipient });
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([
    { status, reason: expect.any(String) },
  ]);
  if (!script.dot) expect(received).toEqual([]);
});

test("one refused message among many leaves the others to arrive", async () => {
  const { destination, received } = await start({ ehlo: ["250-scripted", "250 SIZE 2000"] });
  const deliveries = Array.from({ length: 20 }, (_, index) =>
    sampleDelivery(index, { text: index === 9 ? "z".repeat(3000) : "Fine.\r\n" }),
  );
  const outcomes = await destination.submit(deliveries, { signal });
  expect(outcomes.map(({ status }) => status).filter((status) => status === "accepted")).toHaveLength(19);
  expect(outcomes[9]).toMatchObject({ status: "refused" });
  expect(received).toHaveLength(19);
});

test("a message that the journal cannot give in full gets no final dot, and those behind it arrive", async () => {
  const { destination, received } = await start({});
  const [lost, changed] = [sampleDelivery(1, { large: true }), sampleDelivery(2, { large: true })];
  lost.mail.segments[1] = { blob: { sha256: "0".repeat(64), size: 5 } };
  changed.mail.sha256 = "1".repeat(64);
  const outcomes = await destination.submit([lost, changed, sampleDelivery(3)], { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(["refused", "refused", "accepted"]);
  expect(received.map((mail) => hashOf(mailIn(mail)))).toEqual([sampleDelivery(3).mail.sha256]);
});

test("a connection carries so many messages and no more, and one that the server ended is replaced without a word", async () => {
  const limited = await start({}, { messagesPerConnection: 5 });
  const deliveries = Array.from({ length: 20 }, (_, index) => sampleDelivery(index));
  await limited.destination.submit(deliveries, { signal });
  expect(limited.connections()).toBe(4);
  const ending = await start({ messagesPerConnection: 3 });
  const outcomes = await ending.destination.submit(deliveries, { signal });
  expect(outcomes.filter(({ status }) => status !== "accepted")).toEqual([]);
  expect(ending.received).toHaveLength(20);
});

test("Global Relay's limits are kept: 400 messages a connection, 250 MB a message", async () => {
  const { destination, connections } = await start({}, { preset: "globalrelay" });
  const deliveries = Array.from({ length: 401 }, (_, index) => sampleDelivery(index));
  await destination.submit(deliveries, { signal });
  expect(connections()).toBe(2);
  expect(destination.limits.messageBytes).toBeGreaterThan(249_000_000);
  expect(destination.limits.messageBytes).toBeLessThan(250_000_000);
});

test("an address that could be more than an address never reaches a command", async () => {
  const { destination, commands } = await start({}, { recipient: "mailbox" });
  const evil = [
    "a@b.example>\r\nRCPT TO:<c@d.example",
    "a b@c.example",
    '"a"@c.example',
    "<a@c.example>",
    "a@c.example\u2028",
    "a",
  ];
  const outcomes = await destination.submit(
    evil.map((mailbox) => sampleDelivery(1, { mailbox })),
    { signal },
  );
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["refused"]));
  expect(commands.filter((line) => line.startsWith("RCPT"))).toEqual([]);
  expect(Settings.safeParse({ preset: "generic", host: "h", recipient: "a@b\r\nc" }).success).toBe(false);
});

test("a required STARTTLS that the server does not offer stops delivery before a password is sent", async () => {
  const signIn = { method: "password", user: "hansard", password: "a-secret" };
  const { destination, commands } = await start(
    { ehlo: ["250-scripted", "250 AUTH PLAIN"] },
    { tls: "starttls", signIn },
  );
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([
    { status: "misconfigured", remedy: expect.stringContaining("tls") },
  ]);
  expect(commands.filter((line) => line.startsWith("AUTH"))).toEqual([]);
});

test("a refused sign-in stops delivery, a busy one is tried again, and no password shows", async () => {
  const signIn = { method: "password", user: "hansard", password: "a-secret" };
  const ehlo = ["250-scripted", "250 AUTH PLAIN"];
  const refused = await (
    await start({ ehlo, auth: "535 5.7.8 wrong a-secret" }, { signIn })
  ).destination.submit([sampleDelivery(1)], { signal });
  expect(refused).toMatchObject([{ status: "misconfigured", remedy: expect.stringContaining("signIn") }]);
  expect(JSON.stringify(refused)).not.toContain("a-secret");
  const busy = await (
    await start({ ehlo, auth: "454 4.7.0 later" }, { signIn })
  ).destination.submit([sampleDelivery(1)], { signal });
  expect(busy).toMatchObject([{ status: "retry" }]);
  const { destination, commands } = await start({ ehlo }, { signIn });
  expect(await destination.submit([sampleDelivery(1)], { signal })).toMatchObject([{ status: "accepted" }]);
  expect(commands).toContain(`AUTH PLAIN ${Buffer.from("\0hansard\0a-secret").toString("base64")}`);
});

test("nothing can be looked up, and an ended run sends nothing more", async () => {
  const { destination, received } = await start({});
  expect(await destination.find([sampleDelivery(1), sampleDelivery(2)], { signal })).toEqual([undefined, undefined]);
  expect(await destination.submit([sampleDelivery(1)], { signal: AbortSignal.abort() })).toMatchObject([
    { status: "retry" },
  ]);
  expect(received).toEqual([]);
});
