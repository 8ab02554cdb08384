/** A seeded source of chance: the same seed makes the same run. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** One of the items, or undefined where there are none. */
  pickAny<Item>(items: readonly Item[]): Item | undefined;
}

export function createRandom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  function between(from: number, to: number): number {
    return from + Math.floor(next() * (to - from + 1));
  }
  function pickAny<Item>(items: readonly Item[]): Item | undefined {
    return items[between(0, items.length - 1)];
  }
  function pick<Item>(items: readonly Item[]): Item {
    const item = pickAny(items);
    if (item === undefined) throw new Error("There is nothing to pick from.");
    return item;
  }
  return { next, between, chance: (probability) => next() < probability, pick, pickAny };
}
