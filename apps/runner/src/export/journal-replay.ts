import { createHash } from "node:crypto";
import type { IntendedMessage, IntendedTarget, Settlement } from "@hansard/core/ingestion";
import type { ExportedEntry, ExportedMessage, ExportManifest } from "./format.ts";

interface Intended {
  sha256: string;
  size: number;
  messageClass: string;
  /** Mailboxes in which a copy was accepted. */
  mailboxes: Set<string>;
  exported: boolean;
}

/** Follows the exported journal entry by entry: recomputes its chain and collects what it says was delivered. */
export class JournalReplay {
  entries = 0;
  head = "";
  readonly #manifest: ExportManifest;
  readonly #problems: string[];
  readonly #hashes = new Set<string>();
  readonly #messages = new Map<string, Intended>();
  readonly #intents = new Map<number, IntendedMessage[]>();
  #previous: Buffer;

  constructor(manifest: ExportManifest, problems: string[]) {
    this.#manifest = manifest;
    this.#problems = problems;
    this.#previous = sha256(Buffer.from(manifest.installation));
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
    if (body === null && this.#manifest.query === null && kind !== "page")
      this.#problems.push(`The body of entry ${seq} is missing.`);
    this.#previous = Buffer.from(hash, "hex");
    this.#hashes.add(hash);
    this.head = hash;
    if (body !== null && kind === "intent") this.#intent(seq, body.split("\n"));
    if (body !== null && kind === "settlement") this.#settlement(body.split("\n"));
  }

  /** Compares the end of the chain with the manifest and with a head that was kept elsewhere. */
  end(anchoredHead: string | undefined): void {
    const { head } = this.#manifest;
    if (head.seq !== this.entries || (this.entries > 0 && head.hash !== this.head))
      this.#problems.push("The journal does not end where the manifest says.");
    if (anchoredHead !== undefined && !this.#hashes.has(anchoredHead.toLowerCase()))
      this.#problems.push(
        "The journal does not contain the anchored head: entries are missing from its end, or were changed.",
      );
  }

  /** Holds an exported message against what the journal says of it. */
  message({ messageId, sha256: digest, size, messageClass, copies }: ExportedMessage): void {
    const intended = this.#messages.get(messageId);
    if (!intended) {
      this.#problems.push(`The journal knows no message ${messageId}.`);
      return;
    }
    if (intended.exported) this.#problems.push(`The message ${messageId} is there twice.`);
    intended.exported = true;
    if (
      intended.sha256 !== digest ||
      intended.size !== size ||
      intended.messageClass.toLowerCase() !== messageClass.toLowerCase()
    )
      this.#problems.push(`The message ${messageId} is not the one that the journal says was delivered.`);
    for (const { mailbox } of copies)
      if (!intended.mailboxes.has(mailbox))
        this.#problems.push(`The journal does not say that ${messageId} was delivered to ${mailbox}.`);
  }

  /** In a whole export every delivered message must be there. */
  missing(): void {
    if (this.#manifest.query !== null) return;
    for (const [messageId, { exported, mailboxes }] of this.#messages) {
      if (!exported && mailboxes.size > 0)
        this.#problems.push(`The message ${messageId} was delivered and is not in the export.`);
    }
  }

  #intent(seq: number, [header = "{}", ...lines]: string[]): void {
    const { destination, targets } = JSON.parse(header) as { destination: string; targets: IntendedTarget[][] };
    if (destination !== this.#manifest.destination) return;
    const messages = lines.map((line): IntendedMessage => {
      const message = JSON.parse(line);
      return { ...message, targets: targets[message.targets] };
    });
    this.#intents.set(seq, messages);
    for (const { messageId, sha256: digest, size, messageClass } of messages) {
      const known = this.#messages.get(messageId);
      if (!known)
        this.#messages.set(messageId, { sha256: digest, size, messageClass, mailboxes: new Set(), exported: false });
    }
  }

  #settlement([header = "{}", ...lines]: string[]): void {
    const messages = this.#intents.get((JSON.parse(header) as { intent: number }).intent);
    for (const line of messages ? lines : []) {
      const [message, target, what] = JSON.parse(line) as [number, number, string | Settlement["result"]];
      const intended = messages?.[message];
      const mailbox =
        typeof what === "object" && what.status === "redirected" ? what.to.mailbox : intended?.targets[target]?.mailbox;
      const accepted = typeof what === "string" || what.status === "delivered" || what.status === "redirected";
      if (accepted && mailbox !== undefined) this.#messages.get(intended?.messageId ?? "")?.mailboxes.add(mailbox);
    }
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
