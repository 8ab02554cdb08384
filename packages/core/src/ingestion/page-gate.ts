/** How long a page waits at most for those of other partitions. */
const LONGEST_WAIT_MS = 20;

/**
 * Lets pages of partitions that are read side by side go to the journal together, where they share one synchronous
 * write. A page waits only while another partition is still at work, and never long; a single one does not wait at all.
 */
export class PageGate {
  #working = 0;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Runs the reading of one partition. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#working += 1;
    try {
      return await work();
    } finally {
      this.#working -= 1;
      this.#openWhenAllWait();
    }
  }

  /** Resolves when the partition's page may go. */
  arrive(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#timer ??= setTimeout(() => this.#open(), LONGEST_WAIT_MS);
      this.#openWhenAllWait();
    });
  }

  #openWhenAllWait(): void {
    if (this.#waiting.length > 0 && this.#waiting.length >= this.#working) this.#open();
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const go of this.#waiting.splice(0)) go();
  }
}
