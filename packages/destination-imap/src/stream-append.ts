import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { ImapFlow } from "imapflow";
import { type AppendAnswer, type AppendRequest, brokenOff, mailBytes } from "./append-request.ts";
import { ImapFailure } from "./outcomes.ts";

const TAG = "HANSARD";
const LONGEST_LINE = 8192;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Appends a large mail without holding it: the library signs in and hands its connection over, and the one command that
 * is left is spoken here. The literal is synchronising (RFC 3501), so a refusal comes before the bytes are sent.
 */
export async function streamAppend(client: ImapFlow, request: AppendRequest): Promise<AppendAnswer> {
  const { readSocket, writeSocket } = client.unbind();
  const lines = new Lines(readSocket, request.timeoutMs);
  let isAllSent = false;
  try {
    const { path, flags, date, mail, blobs } = request;
    await write(
      writeSocket,
      `${TAG} APPEND ${quoted(path)} (${flags.join(" ")}) "${internalDate(date)}" {${mail.size}}\r\n`,
      lines,
    );
    const early = await lines.nextAnswer();
    if (early !== "+") return toAnswer(early);
    for await (const chunk of mailBytes(mail, blobs)) await write(writeSocket, chunk, lines);
    isAllSent = true;
    await write(writeSocket, "\r\n", lines);
    const answer = await lines.nextAnswer();
    if (answer === "+")
      throw new ImapFailure({
        status: "unknown",
        reason: "The server asked for more after the whole message was sent.",
      });
    return toAnswer(answer);
  } catch (error) {
    throw brokenOff(error, isAllSent);
  } finally {
    lines.stop();
    writeSocket.destroy();
  }
}

/** Waits where the server is slower than the journal, so that the mail does not pile up in memory. */
async function write(socket: Writable, bytes: string | Uint8Array, lines: Lines): Promise<void> {
  lines.throwIfEnded();
  if (socket.write(bytes)) return;
  const drained = new AbortController();
  try {
    await Promise.race([once(socket, "drain", { signal: drained.signal }), lines.ended]);
  } finally {
    drained.abort();
  }
}

function toAnswer(line: string): AppendAnswer {
  const [, status, code, text = ""] = /^(OK|NO|BAD|BYE)(?: \[([^\]]*)\])? ?(.*)$/i.exec(line) ?? [];
  const kind = status?.toUpperCase();
  if (kind === "OK") return { stored: appendUid(code) };
  if (kind !== "NO" && kind !== "BAD" && kind !== "BYE")
    throw new Error(`The server answered ${JSON.stringify(line)}.`);
  const word = code?.split(" ", 1)[0]?.toUpperCase();
  return { refusal: { status: kind, text, ...(word !== undefined && { code: word }) } };
}

function appendUid(code: string | undefined): { uidValidity: bigint; uid: number } | undefined {
  const [, uidValidity, uid] = /^APPENDUID (\d{1,10}) (\d{1,10})$/i.exec(code ?? "") ?? [];
  return uidValidity === undefined || uid === undefined
    ? undefined
    : { uidValidity: BigInt(uidValidity), uid: Number(uid) };
}

/** The lines that the server sends, of which only the answers to our one command matter. */
class Lines {
  /** Rejects when the connection ends, fails or is silent for too long. */
  readonly ended: Promise<never>;
  #rest = "";
  #answers: string[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #timer: NodeJS.Timeout;
  #stop: () => void;

  constructor(socket: Readable, timeoutMs: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.ended = promise;
    promise.catch(() => undefined);
    const fail = (error: Error): void => {
      this.#failure ??= error;
      reject(this.#failure);
      this.#wake?.();
    };
    this.#timer = setTimeout(() => fail(new Error("The server was silent for too long.")), timeoutMs);
    const ended = (): void => fail(new Error("The connection was lost."));
    const read = (chunk: Buffer): void => this.#read(chunk);
    socket.on("data", read).on("error", fail).on("end", ended).on("close", ended);
    this.#stop = () => socket.off("data", read).off("end", ended).off("close", ended);
    socket.resume();
  }

  throwIfEnded(): void {
    // Each piece of the message that goes out is a sign of life.
    this.#timer.refresh();
    if (this.#failure) throw this.#failure;
  }

  /** `+`, or the rest of the tagged answer. */
  async nextAnswer(): Promise<string> {
    this.#timer.refresh();
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stop();
  }

  #read(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString("latin1")).split("\r\n");
    this.#rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
    for (const line of lines) {
      if (line.startsWith("+")) this.#answers.push("+");
      else if (line.startsWith(`${TAG} `)) this.#answers.push(line.slice(TAG.length + 1));
      else if (/^\* BYE\b/i.test(line)) this.#answers.push(line.slice(2));
    }
    this.#wake?.();
  }
}

/** RFC 3501 §5.1.3 and §9: modified UTF-7 in quotes. */
function quoted(path: string): string {
  const ascii = path.replaceAll("&", "&-").replace(/[^\x20-\x7e]+/g, (foreign) => {
    const base64 = Buffer.from(foreign, "utf16le").swap16().toString("base64");
    return `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
  return `"${ascii.replace(/["\\]/g, "\\$&")}"`;
}

function internalDate(date: Date): string {
  const [day, time] = date.toISOString().split("T");
  const [year, month, dayOfMonth] = (day ?? "").split("-");
  return `${dayOfMonth}-${MONTHS[Number(month) - 1]}-${year} ${time?.slice(0, 8)} +0000`;
}
