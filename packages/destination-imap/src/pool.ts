import type { ImapFlow } from "imapflow";
import type { Door } from "./sign-in.ts";

interface Idle {
  account: string;
  client: ImapFlow;
}

/** Signed-in connections, so many at once and no more. Those that lie idle longest make room for other accounts. */
export class Pool {
  readonly #door: Door;
  readonly #most: number;
  #open = 0;
  #idle: Idle[] = [];
  #waiting: (() => void)[] = [];

  constructor(door: Door, most: number) {
    this.#door = door;
    this.#most = most;
  }

  /**
   * Lends a connection to `work`. It is closed afterwards where the work failed or says that it used it up. Rejects with
   * an ImapFailure where none can be opened.
   */
  async use<Result>(account: string, work: (client: ImapFlow, useUp: () => void) => Promise<Result>): Promise<Result> {
    const client = await this.#take(account);
    let isSpent = true;
    try {
      let isUsedUp = false;
      const result = await work(client, () => (isUsedUp = true));
      isSpent = isUsedUp;
      return result;
    } finally {
      this.#giveBack(account, client, isSpent || !client.usable);
    }
  }

  async close(): Promise<void> {
    const idle = this.#idle.splice(0);
    this.#open -= idle.length;
    await Promise.all(idle.map(({ client }) => client.logout().catch(() => client.close())));
  }

  async #take(account: string): Promise<ImapFlow> {
    for (;;) {
      const ready = this.#takeIdle((idle) => idle.account === account && idle.client.usable);
      if (ready) return ready.client;
      if (this.#open < this.#most) return this.#openOne(account);
      const other = this.#takeIdle(() => true);
      if (other) {
        this.#open -= 1;
        other.client.close();
        return this.#openOne(account);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #openOne(account: string): Promise<ImapFlow> {
    this.#open += 1;
    try {
      return await this.#door.open(account);
    } catch (error) {
      this.#open -= 1;
      this.#waiting.shift()?.();
      throw error;
    }
  }

  #takeIdle(fits: (idle: Idle) => boolean): Idle | undefined {
    const at = this.#idle.findIndex(fits);
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0];
  }

  #giveBack(account: string, client: ImapFlow, isSpent: boolean): void {
    if (isSpent) {
      this.#open -= 1;
      client.close();
    } else {
      this.#idle.push({ account, client });
    }
    this.#waiting.shift()?.();
  }
}
