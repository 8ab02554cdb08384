/** A seeded source of chance: the same seed makes the same run. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number;
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  /** One of the items, of which there must be some. */
  pick<Item>(items: readonly Item[]): Item;
  /** One of the items, or undefined where there are none. */
  pickAny<Item>(items: readonly Item[]): Item | undefined;
  /** So many hexadecimal digits. */
  hex(digits: number): string;
}

export function createRandom(seed: number): Random {
  const next = randomFrom(seed ^ 0x9e3779b9);

  function below(end: number): number {
    return Math.floor(next() * end);
  }

  function pick<Item>(items: readonly Item[]): Item {
    const place = below(items.length);
    // What is picked may itself be undefined.
    for (const item of items.slice(place, place + 1)) return item;
    throw new Error("There is nothing to pick from.");
  }

  return {
    next,
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => next() < probability,
    pick,
    pickAny: (items) => items[below(items.length)],
    hex: (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join(""),
  };
}

/** Numbers from 0 up to, and without, 1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
