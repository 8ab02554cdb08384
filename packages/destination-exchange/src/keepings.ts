import { join } from "node:path";
import { type Finding, isHansardError } from "@hansard/core";
import type { Delivery, HoldLosses, Holds, Outcome } from "@hansard/core/ingestion";
import { z } from "zod";
import { JsonLines } from "./json-lines.ts";

const Kept = z.object({ mailbox: z.string(), messageId: z.string(), at: z.number() });
const Lost = z.object({ mailbox: z.string(), at: z.number() });

type IsThere = (mailbox: string, messageId: string, signal: AbortSignal) => Promise<boolean>;

/**
 * Whether mailboxes keep what is written into their Purges. EWS does not tell of holds, but a mailbox without one loses
 * what lies there. So of each mailbox one message is remembered, the oldest since its hold was last in doubt: each run
 * looks for it before it writes there again, and so does `check`. A help and no record: a lost line costs one look.
 */
export class Keepings implements HoldLosses {
  readonly #kept: JsonLines<z.infer<typeof Kept>>;
  readonly #lost: JsonLines<z.infer<typeof Lost>>;
  readonly #isThere: IsThere;
  readonly #oldest: Map<string, z.infer<typeof Kept>>;
  readonly #looks = new Map<string, Promise<boolean>>();
  readonly #openedAt = Date.now();

  constructor(folder: string, isThere: IsThere) {
    this.#kept = new JsonLines(join(folder, "kept.jsonl"), Kept);
    this.#lost = new JsonLines(join(folder, "lost.jsonl"), Lost);
    this.#isThere = isThere;
    this.#oldest = new Map(this.#kept.read().map((kept) => [kept.mailbox, kept]));
  }

  lost(): Map<string, number> {
    return new Map(this.#lost.read().map(({ mailbox, at }) => [mailbox, at]));
  }

  lose(lost: z.infer<typeof Lost>): void {
    this.#lost.append(lost);
  }

  /** What became of a delivery that was written. */
  answered({ mailbox, folder, message }: Delivery, outcome: Outcome | undefined, holds: Holds): void {
    if (folder.kind !== "purges" || outcome?.status !== "accepted") return;
    const known = this.#oldest.get(mailbox);
    if (known !== undefined && known.at > holds.unbrokenSince(mailbox)) return;
    const kept = { mailbox, messageId: message.id, at: Date.now() };
    this.#oldest.set(mailbox, kept);
    this.#kept.append(kept);
  }

  /** Looks, once in a run, for what earlier runs wrote into these mailboxes' Purges, and tells `holds` where it is gone. */
  async look(mailboxes: Iterable<string>, holds: Holds, signal: AbortSignal): Promise<void> {
    for (const mailbox of new Set(mailboxes)) {
      const kept = this.#oldest.get(mailbox);
      const isOurs = kept !== undefined && kept.at < this.#openedAt && kept.at > holds.unbrokenSince(mailbox);
      if (!isOurs || holds.doubt(mailbox) !== undefined) continue;
      const looking = this.#looks.get(mailbox) ?? this.#isThere(mailbox, kept.messageId, signal);
      this.#looks.set(mailbox, looking);
      try {
        if (!(await looking)) holds.lost(mailbox);
      } catch (error) {
        // What cannot be said now is asked again; what is wrong with the mailbox the delivery itself will say.
        this.#looks.delete(mailbox);
        if (!isHansardError(error)) throw error;
      }
    }
  }

  /** What `check` says of them. */
  async findings(holds: Holds, most: number, signal: AbortSignal): Promise<Finding[]> {
    const looked = [...this.#oldest.keys()].slice(0, most);
    await this.look(looked, holds, signal);
    const lost = [...this.lost().keys()].flatMap((mailbox) => holds.doubt(mailbox) ?? []);
    if (lost.length > 0) return lost.map(({ reason, remedy }) => ({ level: "error", message: reason, remedy }));
    if (looked.length === 0) return [];
    const message = `Purges keeps what was sent there: ${looked.length} messages in as many mailboxes were looked for.`;
    return [{ level: "ok", message }];
  }
}
