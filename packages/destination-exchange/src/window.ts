/** A sum over a time window that slides. What is under way counts until the window has passed after its end. */
export class Window {
  readonly #most: number;
  readonly #ms: number;
  readonly #ended: { amount: number; until: number }[] = [];
  #total = 0;

  constructor(most: number, ms: number) {
    this.#most = most;
    this.#ms = ms;
  }

  /** How long until this much more is allowed, in milliseconds; Infinity while only what is under way stands in the way. */
  waitMs(amount: number, now: number): number {
    for (let [first] = this.#ended; first !== undefined && first.until <= now; [first] = this.#ended) {
      this.#total -= first.amount;
      this.#ended.shift();
    }
    // What is more than the window allows at all goes alone.
    let total = this.#total === 0 ? 0 : this.#total + amount;
    if (total <= this.#most) return 0;
    for (const ended of this.#ended) {
      total -= ended.amount;
      if (total <= this.#most || total === amount) return ended.until - now;
    }
    return Infinity;
  }

  begin(amount: number): void {
    this.#total += amount;
  }

  /** The server counted it before its answer came, so that counting from the answer on never exceeds the limit. */
  end(amount: number, now: number): void {
    this.#ended.push({ amount, until: now + this.#ms });
  }
}
