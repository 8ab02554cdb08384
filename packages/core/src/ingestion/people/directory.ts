import { normalizeAddress } from "./address.ts";

/** A destination's directory: the primary address of whose mailbox an address is, or undefined. It rejects when it cannot say. */
export type ResolveInDirectory = (address: string) => Promise<string | undefined>;

export interface DirectoryOptions {
  /** How long an answer counts. Absent: an hour; ten minutes for the answer that nobody has the address. */
  maxAgeMs?: number;
  /** How many questions may be under way at once. Absent: 8. */
  concurrency?: number;
  now?: () => number;
}

/** A directory that remembers its answers. What it could not say is never remembered as "nobody". */
export interface Directory {
  find(address: string): string | undefined | Promise<string | undefined>;
  /** The last answer, whatever its age. */
  known(address: string): string | undefined;
}

const HOUR_MS = 3_600_000;
const MAX_ANSWERS = 200_000;

export function createDirectory(resolve: ResolveInDirectory, options: DirectoryOptions = {}): Directory {
  const { maxAgeMs = HOUR_MS, concurrency = 8, now = Date.now } = options;
  const answers = new Map<string, { mailbox: string | undefined; until: number }>();
  const asked = new Map<string, Promise<string | undefined>>();
  const waiting: (() => void)[] = [];
  let underWay = 0;

  function find(address: string): string | undefined | Promise<string | undefined> {
    const answer = answers.get(address);
    if (answer && answer.until > now()) return answer.mailbox;
    const pending = asked.get(address) ?? ask(address).finally(() => asked.delete(address));
    asked.set(address, pending);
    return pending;
  }

  async function ask(address: string): Promise<string | undefined> {
    if (underWay >= concurrency) await new Promise<void>((go) => waiting.push(go));
    else underWay += 1;
    try {
      const found = await resolve(address);
      const mailbox = found === undefined ? undefined : normalizeAddress(found);
      remember(address, mailbox);
      return mailbox;
    } finally {
      const next = waiting.shift();
      // A place goes from hand to hand, so that nobody slips in between.
      if (next) next();
      else underWay -= 1;
    }
  }

  function remember(address: string, mailbox: string | undefined): void {
    const oldest = answers.size >= MAX_ANSWERS ? answers.keys().next().value : undefined;
    if (oldest !== undefined) answers.delete(oldest);
    answers.delete(address);
    answers.set(address, {
      mailbox,
      until: now() + (mailbox === undefined ? Math.min(maxAgeMs, HOUR_MS / 6) : maxAgeMs),
    });
  }

  return { find, known: (address) => answers.get(address)?.mailbox };
}
