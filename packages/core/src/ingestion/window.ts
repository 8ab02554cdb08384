/** A sum over a time window that slides. What is under way counts until the window has passed after its end. */
export class Window {
  readonly #most: number;
  readonly #ms: number;
  readonly #ended: { amount: number; until: number }[] = [];
  #first = 0;
  #total = 0;

  constructor(most: number, ms: number) {
    this.#most = most;
    this.#ms = ms;
  }

  /**
   * How long until this much more is allowed, in milliseconds; Infinity while only what is under way stands in the way.
   * What is more than the window allows at all goes alone.
   */
  waitMs(amount: number, now: number): number {
    this.#forget(now);
    let total = this.#total === 0 ? 0 : this.#total + amount;
    if (total <= this.#most) return 0;
    for (let index = this.#first; index < this.#ended.length; index += 1) {
      const ended = this.#ended[index];
      if (ended === undefined) break;
      total -= ended.amount;
      if (total <= this.#most || total === amount) return Math.max(1, ended.until - now);
    }
    return Number.POSITIVE_INFINITY;
  }

  begin(amount: number): void {
    this.#total += amount;
  }

  /** The server counted it before its answer came, so that counting from the answer on never exceeds the limit. */
  end(amount: number, now: number): void {
    this.#ended.push({ amount, until: now + this.#ms });
  }

  #forget(now: number): void {
    for (
      let ended = this.#ended[this.#first];
      ended !== undefined && ended.until <= now;
      ended = this.#ended[this.#first]
    ) {
      this.#total -= ended.amount;
      this.#first += 1;
    }
    if (this.#first <= 1024) return;
    this.#ended.splice(0, this.#first);
    this.#first = 0;
  }
}
