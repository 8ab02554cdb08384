/** So many requests go with a token before Graph has said whether it takes it. */
const FIRST = 8;
/** What each that it took opens the way for: its own successor, and now and then one more. */
const GROWTH = 1.5;

/**
 * Who may go with a new token. Once a token was refused, all who went with it were refused, and should the next be refused
 * too, so would be all who go with that: so few go at first, and more with each answer. Whoever went before the refusal
 * opens the way for nobody any more.
 */
export class Trial {
  readonly #waiting: ((trial: number) => void)[] = [];
  #open = Number.POSITIVE_INFINITY;
  #trial = 0;

  /** Resolves when it is this one's turn, first come, first served, with the number of the trial that it is part of. */
  async enter(): Promise<number> {
    if (this.#open < 1) return new Promise((go) => this.#waiting.push(go));
    this.#open -= 1;
    return this.#trial;
  }

  /** A token was refused: the next one is on trial. */
  begin(): void {
    this.#trial += 1;
    this.#open = FIRST;
    this.#add(0, this.#trial);
  }

  /** Graph took the token. */
  passed(trial: number): void {
    this.#add(GROWTH, trial);
  }

  /** The request ended and says nothing of the token. */
  left(trial: number): void {
    this.#add(1, trial);
  }

  #add(places: number, trial: number): void {
    if (trial !== this.#trial) return;
    this.#open += places;
    while (this.#open >= 1) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#open -= 1;
      next(trial);
    }
  }
}
