import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { JsonObject } from "./workspace.ts";

interface Told {
  id: string;
  event: JsonObject;
  times: number;
}

/** Socket Mode: tells events to whoever is connected, again and again until each is acknowledged. */
export interface Sockets {
  /** Events that are told and not acknowledged yet. */
  owed: Map<string, Told>;
  /** Called when somebody has connected. */
  onConnect: () => void;
  readonly isConnected: boolean;
  /** Tells an event, and gives its id. Without a connection it is lost, as with Slack. */
  tell(event: JsonObject): string | undefined;
  /** Asks to connect anew, as Slack does every few hours. */
  refresh(): void;
  /** Breaks every connection off. */
  cut(): void;
  /** An address to connect to once. */
  ticket(url: string): string;
  upgrade(request: IncomingMessage, socket: Duplex): void;
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export function serveSockets(): Sockets {
  const tickets = new Set<string>();
  const connections = new Set<Duplex>();
  const owed = new Map<string, Told>();

  function send(told: Told): void {
    const [connection] = connections;
    if (!connection) return;
    told.times += 1;
    const payload = { type: "event_callback", event_id: `Ev${told.id}`, team_id: "T0000001", event: told.event };
    const envelope = {
      type: "events_api",
      envelope_id: told.id,
      payload,
      retry_attempt: told.times - 1,
      retry_reason: "",
    };
    write(connection, { ...envelope, accepts_response_payload: false });
  }

  function upgrade(request: IncomingMessage, socket: Duplex): void {
    const ticket = new URL(request.url ?? "/", "http://localhost").searchParams.get("ticket") ?? "";
    if (!tickets.delete(ticket)) return void socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    socket.on("error", () => connections.delete(socket));
    readFrames(
      socket,
      (text) => {
        const id: unknown = JSON.parse(text).envelope_id;
        if (typeof id === "string") owed.delete(id);
      },
      () => connections.delete(socket),
    );
    write(socket, { type: "hello", num_connections: connections.size, connection_info: { app_id: "A0000001" } });
    for (const told of owed.values()) send(told);
    sockets.onConnect();
  }

  const sockets: Sockets = {
    owed,
    onConnect() {},
    get isConnected() {
      return connections.size > 0;
    },
    tell(event) {
      if (connections.size === 0) return undefined;
      const told = { id: randomUUID(), event, times: 0 };
      owed.set(told.id, told);
      send(told);
      return told.id;
    },
    refresh() {
      for (const connection of connections) write(connection, { type: "disconnect", reason: "refresh_requested" });
    },
    cut() {
      for (const connection of connections) connection.destroy();
      connections.clear();
    },
    ticket(url) {
      const ticket = randomUUID();
      tickets.add(ticket);
      return `${url.replace("http:", "ws:")}/link?ticket=${ticket}`;
    },
    upgrade,
  };
  return sockets;
}

function write(socket: Duplex, message: JsonObject): void {
  if (socket.writable) socket.write(frame(TEXT, Buffer.from(JSON.stringify(message))));
}

function frame(opcode: number, payload: Buffer): Buffer {
  const head = payload.length < 126 ? Buffer.from([0x80 | opcode, payload.length]) : Buffer.alloc(10);
  if (payload.length >= 126) {
    head[0] = 0x80 | opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Clients mask what they send. */
function readFrames(socket: Duplex, onText: (text: string) => void, onClose: () => void): void {
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let next = parseFrame(bytes); next; next = parseFrame(bytes)) {
      bytes = bytes.subarray(next.length);
      if (next.opcode === TEXT) onText(next.payload.toString());
      if (next.opcode === PING) socket.write(frame(PONG, next.payload));
      if (next.opcode === CLOSE) {
        socket.end(frame(CLOSE, next.payload));
        onClose();
      }
    }
  });
}

function parseFrame(bytes: Buffer): { opcode: number; payload: Buffer; length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < start + 4) return undefined;
  const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const length = start + 4 + size;
  if (bytes.length < length) return undefined;
  const mask = bytes.subarray(start, start + 4);
  const payload = Buffer.from(bytes.subarray(start + 4, length)).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return { opcode: (bytes[0] ?? 0) & 0x0f, payload: Buffer.from(payload), length };
}
