/** A sum over a time window that slides. What is under way counts until the window has passed after its end. */
export class Window {
  readonly #ms: number;
  readonly #most: number;
  readonly #ended: { at: number; amount: number }[] = [];
  #first = 0;
  #total = 0;

  constructor(most: number, ms: number) {
    this.#most = most;
    this.#ms = ms;
  }

  /** How long until this much more is allowed, in milliseconds; Infinity while only what is under way stands in the way. */
  waitMs(amount: number, now: number): number {
    this.#forget(now);
    let total = this.#total + amount;
    if (total <= this.#most || this.#total === 0) return 0;
    for (let index = this.#first; index < this.#ended.length; index += 1) {
      const entry = this.#ended[index];
      if (entry === undefined) break;
      total -= entry.amount;
      if (total <= this.#most) return Math.max(1, entry.at + this.#ms - now);
    }
    return Number.POSITIVE_INFINITY;
  }

  begin(amount: number): void {
    this.#total += amount;
  }

  /** The server counted it before its answer came, so that counting from the answer on never exceeds the limit. */
  end(amount: number, now: number): void {
    this.#ended.push({ at: now, amount });
  }

  #forget(now: number): void {
    for (
      let entry = this.#ended[this.#first];
      entry !== undefined && entry.at + this.#ms <= now;
      entry = this.#ended[this.#first]
    ) {
      this.#total -= entry.amount;
      this.#first += 1;
    }
    if (this.#first <= 1024) return;
    this.#ended.splice(0, this.#first);
    this.#first = 0;
  }
}
