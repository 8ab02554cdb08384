import { isTimestamp } from "./timestamp.ts";

/** Exact as a number of microseconds. Timestamps with fewer decimals are kept as text. */
const FULL = /^\d{10}\.\d{6}$/;
const FIRST_CAPACITY = 1024;

/**
 * The timestamps of a file, each with a checksum of its element. A file names them in ascending order, as a rule: 12 bytes
 * for each are enough then, where a map of strings takes a hundred. What is out of order goes into a map all the same, and
 * so does the identity of an element without a timestamp.
 */
export class SeenMessages {
  #times = new Float64Array(FIRST_CAPACITY);
  #checksums = new Uint32Array(FIRST_CAPACITY);
  #count = 0;
  readonly #others = new Map<string, number>();
  #first: string | undefined;
  #last: string | undefined;

  /** The smallest and the largest timestamp. */
  get span(): { first: string; last: string } | undefined {
    return this.#first === undefined || this.#last === undefined ? undefined : { first: this.#first, last: this.#last };
  }

  has(ts: string): boolean {
    return this.checksumOf(ts) !== undefined;
  }

  checksumOf(ts: string): number | undefined {
    const index = FULL.test(ts) ? this.#indexOf(timeOf(ts)) : -1;
    return index >= 0 ? this.#checksums[index] : this.#others.get(ts);
  }

  add(ts: string, checksum: number): void {
    if (isTimestamp(ts)) this.#stretch(ts);
    const time = FULL.test(ts) ? timeOf(ts) : -1;
    if (time < 0 || (this.#count > 0 && time <= (this.#times[this.#count - 1] ?? 0))) {
      this.#others.set(ts, checksum);
      return;
    }
    if (this.#count === this.#times.length) this.#grow();
    this.#times[this.#count] = time;
    this.#checksums[this.#count] = checksum;
    this.#count += 1;
  }

  #stretch(ts: string): void {
    if (this.#first === undefined || ts < this.#first) this.#first = ts;
    if (this.#last === undefined || ts > this.#last) this.#last = ts;
  }

  #indexOf(time: number): number {
    let [low, high] = [0, this.#count - 1];
    if (time > (this.#times[high] ?? -1)) return -1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#times[middle] ?? 0;
      if (found === time) return middle;
      if (found < time) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #grow(): void {
    const [times, checksums] = [this.#times, this.#checksums];
    this.#times = new Float64Array(times.length * 2);
    this.#checksums = new Uint32Array(times.length * 2);
    this.#times.set(times);
    this.#checksums.set(checksums);
  }
}

function timeOf(ts: string): number {
  return Number(ts.slice(0, 10)) * 1_000_000 + Number(ts.slice(11));
}
