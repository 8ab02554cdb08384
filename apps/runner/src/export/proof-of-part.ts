import type { JournalEntry } from "@hansard/core/ingestion";

/** Decides which entries prove the messages of a partial export. Others keep their hashes alone, which the chain needs. */
export class ProofOfPart {
  readonly #destination: string;
  readonly #ids: ReadonlySet<string>;
  readonly #intents = new Set<number>();

  constructor(destination: string, ids: ReadonlySet<string>) {
    this.#destination = destination;
    this.#ids = ids;
  }

  /** Asked of each entry in its order. */
  needs({ seq, kind, body = "" }: JournalEntry): boolean {
    const [header = "{}", ...lines] = body.split("\n");
    if (kind === "intent") {
      if ((JSON.parse(header) as { destination?: string }).destination !== this.#destination) return false;
      if (!this.#namesAny(lines)) return false;
      this.#intents.add(seq);
      return true;
    }
    if (kind === "settlement") return this.#intents.has((JSON.parse(header) as { intent: number }).intent);
    return kind === "withdrawal" && this.#namesAny(lines);
  }

  #namesAny(lines: string[]): boolean {
    return lines.some((line) => this.#ids.has((JSON.parse(line) as { messageId: string }).messageId));
  }
}
