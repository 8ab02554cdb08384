import { join } from "node:path";
import { type Finding, isHansardError } from "@hansard/core";
import { type Delivery, Holds, type HoldSettings, type Outcome } from "@hansard/core/ingestion";
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
export class Keepings {
  readonly holds: Holds;
  readonly #kept: JsonLines<z.infer<typeof Kept>>;
  readonly #isThere: IsThere;
  readonly #oldest: Map<string, z.infer<typeof Kept>>;
  readonly #looks = new Map<string, Promise<boolean>>();
  readonly #openedAt = Date.now();

  constructor(folder: string, settings: HoldSettings | undefined, isThere: IsThere) {
    const losses = new JsonLines(join(folder, "lost.jsonl"), Lost);
    const known = new Map(losses.read().map(({ mailbox, at }) => [mailbox, at]));
    this.holds = new Holds(settings, { lost: () => known, lose: (lost) => losses.append(lost) });
    this.#kept = new JsonLines(join(folder, "kept.jsonl"), Kept);
    this.#isThere = isThere;
    this.#oldest = new Map(this.#kept.read().map((kept) => [kept.mailbox, kept]));
  }

  /** What became of a delivery that was written. */
  answered({ mailbox, folder, message }: Delivery, outcome: Outcome | undefined): void {
    if (folder.kind !== "purges" || outcome?.status !== "accepted" || this.#isRemembered(mailbox)) return;
    const kept = { mailbox, messageId: message.id, at: Date.now() };
    this.#oldest.set(mailbox, kept);
    this.#kept.append(kept);
  }

  /** Looks, once in a run, for what earlier runs wrote into these mailboxes' Purges. Where it is gone, the hold is in doubt. */
  async look(mailboxes: Set<string>, signal: AbortSignal): Promise<void> {
    for (const mailbox of mailboxes) {
      const kept = this.#oldest.get(mailbox);
      if (!kept || kept.at >= this.#openedAt || !this.#isRemembered(mailbox) || this.holds.doubt(mailbox)) continue;
      const looking = this.#looks.get(mailbox) ?? this.#isThere(mailbox, kept.messageId, signal);
      this.#looks.set(mailbox, looking);
      try {
        if (!(await looking)) this.holds.lost(mailbox);
      } catch (error) {
        // What cannot be said now is asked again; what is wrong with the mailbox the delivery itself will say.
        this.#looks.delete(mailbox);
        if (!isHansardError(error)) throw error;
      }
    }
  }

  /** What `check` says of them. */
  async findings(most: number, signal: AbortSignal): Promise<Finding[]> {
    const looked = [...this.#oldest.keys()].filter((mailbox) => this.#isRemembered(mailbox)).slice(0, most);
    await this.look(new Set(looked), signal);
    const lost = [...this.#oldest.keys()].flatMap((mailbox) =>
      this.#isRemembered(mailbox) ? [] : (this.holds.doubt(mailbox) ?? []),
    );
    if (lost.length > 0) return lost.map(({ reason, remedy }) => ({ level: "error", message: reason, remedy }));
    if (looked.length === 0) return [];
    const message = `Purges keeps what was sent there: ${looked.length} messages in as many mailboxes were looked for.`;
    return [{ level: "ok", message }];
  }

  /** What went into Purges before something was seen to be lost there proves nothing any more. */
  #isRemembered(mailbox: string): boolean {
    const kept = this.#oldest.get(mailbox);
    return kept !== undefined && kept.at > this.holds.unbrokenSince(mailbox);
  }
}
