import { folderName, type IntendedMessage, type IntendedTarget, type WithdrawnCopy } from "@hansard/core/ingestion";
import type { Receipt, Settlement } from "@hansard/core/ingestion";
import type { ExportedMessage } from "./format.ts";

interface Copy {
  folder: string;
  /** By which a withdrawal names it: another destination may hold the same message for the same mailbox. */
  receipts: Receipt[];
  isWithdrawn: boolean;
}

type Description = Pick<IntendedMessage, "messageId" | "messageClass" | "sha256" | "size">;

interface Delivered {
  description: Description;
  /** By mailbox. A mailbox holds a message once: the copy that was accepted first. */
  copies: Map<string, Copy>;
  isExported: boolean;
}

/** What the exported journal says was delivered to the exported destination, and where it is. */
export class Deliveries {
  /** Every destination that an intent is for. */
  readonly destinations = new Set<string>();
  readonly #destination: string;
  readonly #intents = new Map<number, IntendedMessage[]>();
  readonly #messages = new Map<string, Delivered>();

  constructor(destination: string) {
    this.#destination = destination;
  }

  /** Messages of which a copy was accepted. */
  get delivered(): number {
    return [...this.#messages.values()].filter(({ copies }) => copies.size > 0).length;
  }

  intent(seq: number, [header = "{}", ...lines]: string[]): void {
    const { destination, targets } = JSON.parse(header) as { destination: string; targets: IntendedTarget[][] };
    this.destinations.add(destination);
    if (destination !== this.#destination) return;
    const messages = lines.map((line): IntendedMessage => {
      const message = JSON.parse(line);
      return { ...message, targets: targets[message.targets] };
    });
    this.#intents.set(seq, messages);
    for (const { messageId, messageClass, sha256, size } of messages) {
      const description = { messageId, messageClass, sha256, size };
      if (!this.#messages.has(messageId))
        this.#messages.set(messageId, { description, copies: new Map(), isExported: false });
    }
  }

  settlement([header = "{}", ...lines]: string[]): void {
    const { intent, correlationId = "" } = JSON.parse(header) as { intent: number; correlationId?: string };
    const messages = this.#intents.get(intent);
    for (const line of messages ? lines : []) {
      const [message, target, what] = JSON.parse(line) as [number, number, string | Settlement["result"]];
      const intended = messages?.[message];
      const meant = intended?.targets[target];
      if (!intended || !meant) throw new Error(`there is no delivery ${message}, ${target} of intent ${intent}`);
      if (typeof what === "string") this.#accept(intended, meant, { itemId: what, correlationId });
      else if (what.status === "delivered") this.#accept(intended, meant, what.receipt);
      else if (what.status === "redirected") this.#accept(intended, what.to, what.receipt);
    }
  }

  withdrawal([, ...lines]: string[]): void {
    for (const line of lines) {
      const { messageId, mailbox, receipt } = JSON.parse(line) as WithdrawnCopy;
      const copy = this.#messages.get(messageId)?.copies.get(mailbox);
      if (copy?.receipts.some((known) => isSame(known, receipt))) copy.isWithdrawn = true;
    }
  }

  /** What is wrong with a listed message by what the journal says of it. */
  message({ messageId, sha256, size, messageClass, copies }: ExportedMessage): string[] {
    const known = this.#messages.get(messageId);
    if (!known) return [`The journal knows no message ${messageId}.`];
    const problems = known.isExported ? [`The message ${messageId} is there twice.`] : [];
    known.isExported = true;
    const { description } = known;
    if (description.sha256 !== sha256 || description.size !== size || description.messageClass !== messageClass)
      problems.push(`The message ${messageId} is not the one that the journal says was delivered.`);
    if (known.copies.size === 0) problems.push(`The journal does not say that ${messageId} was delivered.`);
    return [...problems, ...differences(messageId, copiesOf(known), copies)];
  }

  /** Delivered messages that no line lists. */
  missing(): string[] {
    return [...this.#messages]
      .filter(([, known]) => !known.isExported && copiesOf(known).length > 0)
      .map(([messageId]) => `The message ${messageId} was delivered and is not in the export.`);
  }

  /** Whether an entry tells of messages that are listed. Asked once all are. */
  proves(kind: string, seq: number, lines: string[]): boolean {
    if (kind === "intent") return this.#listsAny(this.#intents.get(seq) ?? []);
    if (kind === "settlement") return this.#intents.has((JSON.parse(lines[0] ?? "{}") as { intent: number }).intent);
    return this.#listsAny(lines.slice(1).map((line) => JSON.parse(line) as WithdrawnCopy));
  }

  #listsAny(messages: { messageId: string }[]): boolean {
    return messages.some(({ messageId }) => this.#messages.get(messageId)?.isExported === true);
  }

  #accept({ messageId, messageClass, sha256, size }: IntendedMessage, to: IntendedTarget, receipt: Receipt): void {
    const known = this.#messages.get(messageId);
    if (!known) return;
    // What was refused may have been made otherwise before: what was accepted first is what is kept.
    if (known.copies.size === 0) known.description = { messageId, messageClass, sha256, size };
    const copy = known.copies.get(to.mailbox);
    if (!copy) known.copies.set(to.mailbox, { folder: folderName(to.folder), receipts: [receipt], isWithdrawn: false });
    else if (!copy.receipts.some((other) => isSame(other, receipt))) copy.receipts.push(receipt);
  }
}

type ListedCopy = ExportedMessage["copies"][number];

/** In the order in which they are to be listed. */
function copiesOf({ copies }: Delivered): ListedCopy[] {
  return [...copies]
    .filter(([, { isWithdrawn }]) => !isWithdrawn)
    .map(([mailbox, { folder }]) => ({ mailbox, folder }))
    .sort((one, other) => Buffer.compare(Buffer.from(one.mailbox), Buffer.from(other.mailbox)));
}

function differences(messageId: string, expected: ListedCopy[], listed: ListedCopy[]): string[] {
  if (JSON.stringify(expected) === JSON.stringify(listed)) return [];
  const [should, does] = [expected, listed].map(
    (copies) => new Set(copies.map(({ mailbox, folder }) => `${mailbox} in ${folder}`)),
  );
  const lacks = [...(should ?? [])].filter((copy) => !does?.has(copy));
  const invents = [...(does ?? [])].filter((copy) => !should?.has(copy));
  if (lacks.length + invents.length === 0)
    return [`The copies of ${messageId} are not listed once each, in the order of their mailboxes.`];
  return [
    ...lacks.map((copy) => `The journal says that ${messageId} is at ${copy}, and the list does not.`),
    ...invents.map((copy) => `The journal does not say that ${messageId} is at ${copy}.`),
  ];
}

function isSame(one: Receipt, other: Receipt): boolean {
  return one.itemId === other.itemId && one.correlationId === other.correlationId;
}
