const MOST_REQUESTS = 20;
const GROWTH = 0.25;

/**
 * How many requests go in one batch. With the answer to a batch that to everything in it is lost: where answers get lost,
 * the next batches are half as large, and grow again with what is answered.
 */
export class BatchSize {
  #size = MOST_REQUESTS;

  get requests(): number {
    return Math.floor(this.#size);
  }

  lost(): void {
    this.#size = Math.max(1, this.#size / 2);
  }

  answered(): void {
    this.#size = Math.min(MOST_REQUESTS, this.#size + GROWTH);
  }
}
