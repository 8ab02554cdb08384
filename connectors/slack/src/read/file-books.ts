import type { DamagedFileError } from "./export-files.ts";
import type { ElementScanner } from "./elements.ts";
import type { PageDraft } from "./page.ts";

const REMEDY =
  "Download the export again; if the file is the same there, ask Slack for a new one. What could be read was archived.";
/** A file of rubbish must not become millions of gaps. */
const GAPS_PER_FILE = 100;

/** The books of one file: what it holds is an event, a gap, or a repetition of an event. */
export class FileBooks {
  readonly claim: string;
  /** Ids of the gaps that the file left. */
  readonly gaps: string[] = [];
  readonly #page: PageDraft;
  #claimed = 0;
  #repeated = 0;
  #unnamed = 0;

  constructor(claim: string, page: PageDraft) {
    this.claim = claim;
    this.#page = page;
  }

  countEvent(): void {
    this.#claimed += 1;
  }

  countRepetition(): void {
    this.#claimed += 1;
    this.#repeated += 1;
  }

  /** Something that is missing, or with 0 events something that is there and not whole. */
  declareGap(id: string, problem: string, events: number): void {
    this.#claimed += events;
    if (this.gaps.length < GAPS_PER_FILE || id === "rest") this.#addGap(id, `${problem}.`, events);
    else this.#unnamed += events;
  }

  declareDamage(scanner: ElementScanner, { message }: DamagedFileError): void {
    const [cut] = scanner.end();
    if (cut) this.declareGap("rest", `${message}, after ${cut.index} elements. What follows counts as one message`, 1);
    else this.declareGap("damage", `${message}. All of its elements were read, and may have been altered`, 0);
  }

  /** Puts the books as they stand into the page. A later page replaces them. */
  write(): void {
    const { claim } = this;
    this.#page.claim({ id: claim, events: this.#claimed });
    const reason = `${claim} holds the same message more than once.`;
    if (this.#repeated > 0) this.#page.exclude({ id: `${claim}#repeated`, reason, events: this.#repeated, claim });
    if (this.#unnamed > 0) this.#addGap("more", `${this.#unnamed} more elements cannot be read.`, this.#unnamed);
  }

  #addGap(name: string, problem: string, events: number): void {
    const { claim } = this;
    const id = `${claim}#${name}`;
    if (!this.gaps.includes(id)) this.gaps.push(id);
    this.#page.gap({ id, reason: `${claim}: ${problem}`, remedy: REMEDY, events, ...(events > 0 && { claim }) });
  }
}
