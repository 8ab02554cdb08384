import { join } from "node:path";
import { type Finding, isHansardError } from "@hansard/core";
import { type Delivery, Holds, type HoldSettings, type Outcome } from "@hansard/core/ingestion";
import { z } from "zod";
import { JsonLines } from "./json-lines.ts";

const Kept = z.object({ mailbox: z.string(), messageId: z.string(), at: z.number() });
const Lost = z.object({ mailbox: z.string(), at: z.number() });

/** A hold may be for a time only, and then what is old goes rightly. It is far longer than what goes without one stays. */
const RENEWED_MS = 90 * 24 * 60 * 60 * 1000;

type IsThere = (mailbox: string, messageId: string, signal: AbortSignal) => Promise<boolean>;

/** Mailboxes by what was seen of the messages that they were sent. */
interface Looked {
  there: number;
  unsaid: number;
}

/**
 * Whether mailboxes keep what is written into their Purges. EWS does not tell of holds, but a mailbox without one loses
 * what lies there. So of each mailbox one message is remembered, the first since its hold was last in doubt or the one
 * before grew old: each run looks for it before it writes there again, and so does `check`. A help and no record: a lost
 * line costs one look.
 */
export class Keepings {
  readonly holds: Holds;
  readonly #kept: JsonLines<z.infer<typeof Kept>>;
  readonly #isThere: IsThere;
  readonly #oldest: Map<string, z.infer<typeof Kept>>;
  readonly #looks = new Map<string, Promise<boolean>>();
  /** What was written later than this may not be found yet. */
  readonly #settledAt: number;

  constructor(folder: string, settings: HoldSettings | undefined, settleMs: number, isThere: IsThere) {
    const losses = new JsonLines(join(folder, "lost.jsonl"), Lost);
    const known = new Map(losses.read().map(({ mailbox, at }) => [mailbox, at]));
    this.holds = new Holds(settings, { lost: () => known, lose: (lost) => losses.append(lost) });
    this.#kept = new JsonLines(join(folder, "kept.jsonl"), Kept);
    this.#isThere = isThere;
    this.#settledAt = Date.now() - settleMs;
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
  async look(mailboxes: Set<string>, signal: AbortSignal): Promise<Looked> {
    const looked: Looked = { there: 0, unsaid: 0 };
    for (const mailbox of mailboxes) {
      const kept = this.#oldest.get(mailbox);
      if (!kept || kept.at >= this.#settledAt || !this.#isRemembered(mailbox) || this.holds.doubt(mailbox)) continue;
      const looking = this.#looks.get(mailbox) ?? this.#isThere(mailbox, kept.messageId, signal);
      this.#looks.set(mailbox, looking);
      try {
        if (await looking) {
          looked.there += 1;
          if (kept.at < Date.now() - RENEWED_MS) this.#oldest.delete(mailbox);
        } else this.holds.lost(mailbox);
      } catch (error) {
        // What cannot be said now is asked again; what is wrong with the mailbox the delivery itself will say.
        this.#looks.delete(mailbox);
        if (!isHansardError(error)) throw error;
        looked.unsaid += 1;
      }
    }
    return looked;
  }

  /** What `check` says of them. */
  async findings(most: number, signal: AbortSignal): Promise<Finding[]> {
    const known = [...this.#oldest.keys()].filter((mailbox) => this.#isRemembered(mailbox)).slice(0, most);
    const { there, unsaid } = await this.look(new Set(known), signal);
    const lost = [...this.#oldest.keys()].flatMap((mailbox) =>
      this.#isRemembered(mailbox) ? [] : (this.holds.doubt(mailbox) ?? []),
    );
    const findings: Finding[] = lost.map(({ reason, remedy }) => ({ level: "error", message: reason, remedy }));
    if (unsaid > 0) {
      const message = `Whether Purges keeps what was sent there could not be seen in ${unsaid} mailboxes.`;
      findings.push({ level: "warning", message, remedy: "See that the server answers, then check again." });
    }
    if (there > 0 && lost.length === 0) {
      const message = `Purges keeps what was sent there: ${there} messages in as many mailboxes were looked for.`;
      findings.push({ level: "ok", message });
    }
    return findings;
  }

  /** What went into Purges before something was seen to be lost there proves nothing any more. */
  #isRemembered(mailbox: string): boolean {
    const kept = this.#oldest.get(mailbox);
    return kept !== undefined && kept.at > this.holds.unbrokenSince(mailbox);
  }
}
