import { createHash } from "node:crypto";
import { Deliveries } from "./deliveries.ts";
import type { ExportedEntry, ExportedMessage, ExportManifest } from "./format.ts";

/** Entries that tell what was delivered. */
const ON_DELIVERY = new Set(["intent", "settlement", "withdrawal"]);

/** How many entries of a sort there are, and of how many the body is not in the export. */
export interface Left {
  entries: number;
  leftOut: number;
}

/** Follows the exported journal entry by entry: recomputes its chain and collects what it says was delivered. */
export class JournalReplay {
  entries = 0;
  head = "";
  readonly pages: Left = { entries: 0, leftOut: 0 };
  readonly onDelivery: Left = { entries: 0, leftOut: 0 };
  readonly deliveries: Deliveries;
  readonly #manifest: ExportManifest;
  readonly #problems: string[];
  readonly #hashes = new Set<string>();
  /** Of a partial export: bodies that must prove one of its messages. */
  readonly #shown: { seq: number; kind: string; lines: string[] }[] = [];
  #previous: Buffer;

  constructor(manifest: ExportManifest, problems: string[]) {
    this.#manifest = manifest;
    this.#problems = problems;
    this.#previous = sha256(Buffer.from(manifest.installation));
    this.deliveries = new Deliveries(manifest.destination);
  }

  entry({ seq, kind, at, body, bodyHash, hash }: ExportedEntry): void {
    this.entries += 1;
    if (seq !== this.entries)
      this.#problems.push(`Entry ${this.entries} of the journal is missing: entry ${seq} stands in its place.`);
    const expected = sha256(
      Buffer.concat([this.#previous, Buffer.from(`${seq}\n${kind}\n${at}\n`), Buffer.from(bodyHash, "hex")]),
    );
    if (expected.toString("hex") !== hash)
      this.#problems.push(
        `Entry ${seq} of the journal is not what was written: its hash does not follow from the entry before it.`,
      );
    if (body !== null && sha256(Buffer.from(body)).toString("hex") !== bodyHash)
      this.#problems.push(`The body of entry ${seq} is not what was written.`);
    this.#previous = Buffer.from(hash, "hex");
    this.#hashes.add(hash);
    this.head = hash;
    this.#body(seq, kind, body);
  }

  /** Compares the end of the chain with the manifest and with a head that was kept elsewhere. */
  end(anchoredHead: string | undefined): void {
    const { head, destination } = this.#manifest;
    if (head.seq !== this.entries || (this.entries > 0 && head.hash !== this.head))
      this.#problems.push("The journal does not end where the manifest says.");
    if (anchoredHead !== undefined && !this.#hashes.has(anchoredHead.toLowerCase()))
      this.#problems.push(
        "The journal does not contain the anchored head: entries are missing from its end, or were changed.",
      );
    const { destinations } = this.deliveries;
    if (destinations.size > 0 && !destinations.has(destination))
      this.#problems.push(
        `The journal knows no destination ${destination}: what it tells of was for ${[...destinations].join(", ")}.`,
      );
  }

  /** Holds an exported message against what the journal says of it. */
  message(message: ExportedMessage): void {
    this.#problems.push(...this.deliveries.message(message));
  }

  /** In a whole export every delivered message must be there, and in a partial one nothing that has no part in it. */
  finish(): void {
    if (this.#manifest.query === null) this.#problems.push(...this.deliveries.missing());
    for (const { seq, kind, lines } of this.#shown)
      if (!this.deliveries.proves(kind, seq, lines)) this.#problems.push(strayed(seq));
  }

  #body(seq: number, kind: string, body: string | null): void {
    const isPartial = this.#manifest.query !== null;
    const left = kind === "page" ? this.pages : ON_DELIVERY.has(kind) ? this.onDelivery : undefined;
    if (left) left.entries += 1;
    if (body === null) {
      if (left) left.leftOut += 1;
      if (!isPartial && kind !== "page") this.#problems.push(`The body of entry ${seq} is missing.`);
      return;
    }
    const lines = body.split("\n");
    // An intent is known by its number, and has no need to be kept twice.
    if (isPartial && ON_DELIVERY.has(kind))
      this.#shown.push({ seq, kind, lines: kind === "withdrawal" ? lines : lines.slice(0, 1) });
    else if (isPartial) this.#problems.push(strayed(seq));
    if (kind === "intent") this.deliveries.intent(seq, lines);
    if (kind === "settlement") this.deliveries.settlement(lines);
    if (kind === "withdrawal") this.deliveries.withdrawal(lines);
  }
}

function strayed(seq: number): string {
  return `The body of entry ${seq} proves none of the messages, and has no part in a partial export.`;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
