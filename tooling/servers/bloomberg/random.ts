/** Random numbers that a seed decides. */
export interface Random {
  next(): number;
  /** From 0 up to and without `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  hex(digits: number): string;
}

export function seeded(seed: number): Random {
  let state = (seed * 2654435761 + 1013904223) >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  }
  function below(end: number): number {
    return Math.floor(next() * end);
  }
  function pick<Item>(items: readonly Item[]): Item {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error("There is nothing to pick from.");
    return item;
  }
  return {
    next,
    below,
    pick,
    chance: (probability) => next() < probability,
    hex: (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join(""),
  };
}
