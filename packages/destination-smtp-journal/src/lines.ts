import type { BlobReader, Outcome } from "@hansard/core/ingestion";
import type { Connection } from "./connection.ts";
import { type Attempt, failureOutcome, isBrokenOff, openingFailure } from "./outcomes.ts";
import { limitsOf } from "./presets.ts";
import type { Settings } from "./settings.ts";
import { type Transmission, transmit } from "./transmit.ts";

const LONGEST_REPLY = 200;

interface Line {
  connection: Connection;
  /** How many messages it has carried. */
  carried: number;
}

/** The connections that are open. Each carries so many messages and is then replaced. */
export class Lines {
  readonly #settings: Settings;
  readonly #open: () => Promise<Connection>;
  readonly #most: number;
  #idle: Line[] = [];

  constructor(settings: Settings, open: () => Promise<Connection>) {
    this.#settings = settings;
    this.#open = open;
    this.#most = limitsOf(settings).messagesPerConnection;
  }

  /** The message over a connection that is at hand, or over a new one where that one has ended meanwhile. */
  async send(transmission: Transmission, blobs: BlobReader): Promise<Outcome> {
    for (;;) {
      const held = this.#idle.pop();
      if (held && !held.connection.isOpen()) continue;
      const attempt = attemptOf(this.#settings);
      const line = held ?? (await openLine(this.#open, attempt));
      if ("status" in line) return line;
      const result = await transmit(line.connection, transmission, blobs);
      line.carried += 1;
      this.#giveBack(line, "error" in result || "unreadable" in result);
      if ("unreadable" in result) return result.unreadable;
      if (!("error" in result)) return accepted(transmission, result.reply);
      // The server had closed it while it lay idle: nothing was sent.
      if (held && isBrokenOff(result.error) && !result.isAllSent) continue;
      return failureOutcome(result.error, { ...attempt, isAllSent: result.isAllSent });
    }
  }

  close(): void {
    for (const { connection } of this.#idle.splice(0)) connection.quit();
  }

  #giveBack(line: Line, hasFailed: boolean): void {
    if (hasFailed) line.connection.abort();
    else if (line.carried >= this.#most) line.connection.quit();
    else this.#idle.push(line);
  }
}

async function openLine(open: () => Promise<Connection>, attempt: Attempt): Promise<Line | Outcome> {
  try {
    return { connection: await open(), carried: 0 };
  } catch (error) {
    return openingFailure(error, attempt);
  }
}

function attemptOf({ host, port, recipient }: Settings): Attempt {
  return { server: `${host}:${port}`, isAllSent: false, toMailbox: recipient === "mailbox", now: new Date() };
}

/** The item id is the Message-ID that the archive sees; the correlation id is the server's reply, which names its queue id. */
function accepted({ wrapping }: Transmission, reply: string): Outcome {
  const line = reply.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
  return { status: "accepted", receipt: { itemId: wrapping.messageId, correlationId: line.slice(0, LONGEST_REPLY) } };
}
