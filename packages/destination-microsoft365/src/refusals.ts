import { setTimeout as sleep } from "node:timers/promises";
import type { Failure } from "./failure.ts";
import type { Pass, Tokens } from "./sign-in.ts";

/** What is to be done about a refused token: go on with the next one, or give up on the mailbox or on all. */
type Verdict = "renewed" | "of-mailbox" | "of-all";

/** Whether Graph takes a token for a mailbox; undefined where it does not say. */
type Ask = (token: string, mailbox: string) => Promise<boolean | undefined>;

/** What is known beforehand, and who is told. */
export interface Witness {
  /** Asked as long as no other mailbox has taken a token. */
  thirdPartyMailbox?: string | undefined;
  onUnreached?: (failure: Failure) => void;
}

const PATIENCE_MS = 2000;

/**
 * Whose refusal of a token counts. A mailbox that Graph does not reach, such as one that is on-premises in a hybrid tenant,
 * refuses every token with 401 while others take the same: so another mailbox is asked before a token is given up for all,
 * unless it is a mailbox that took the last one: that refusal alone says enough.
 */
export class Refusals {
  readonly #tokens: Tokens;
  readonly #ask: Ask;
  readonly #onUnreached: (failure: Failure) => void;
  /** The mailboxes that took a token last; at first it is hoped of one. */
  #takers: string[];
  /** Those whose last answer was that they took their token. */
  readonly #reached = new Set<string>();
  readonly #unreached = new Set<string>();
  readonly #asking = new Map<string, Promise<boolean | undefined>>();
  #isAnyTaken = false;

  constructor(tokens: Tokens, ask: Ask, { thirdPartyMailbox, onUnreached = () => undefined }: Witness) {
    this.#tokens = tokens;
    this.#ask = ask;
    this.#onUnreached = onUnreached;
    this.#takers = thirdPartyMailbox === undefined ? [] : [thirdPartyMailbox];
  }

  taken(mailbox: string): void {
    this.#isAnyTaken = true;
    this.#reached.add(mailbox);
    this.#unreached.delete(mailbox);
    const [last] = this.#takers;
    if (last !== mailbox) this.#takers = last === undefined ? [mailbox] : [mailbox, last];
  }

  /** Ends the pass. A token that another mailbox takes is not renewed, and nobody else has to wait. */
  async judge(pass: Pass, mailbox: string | undefined): Promise<Verdict> {
    if (mailbox !== undefined && this.#tokens.isCurrent(pass) && !this.#reached.delete(mailbox)) {
      if (this.#unreached.has(mailbox) || (await this.#isTakenElsewhere(pass.value, mailbox))) {
        this.#tokens.left(pass);
        return "of-mailbox";
      }
    }
    return this.#tokens.refused(pass) ? "renewed" : "of-all";
  }

  /** It refused several times what others take: from now on once is enough, until it takes one. */
  isUnreached(mailbox: string | undefined): boolean {
    return mailbox !== undefined && this.#unreached.has(mailbox);
  }

  /** What it means that a request met nothing but refusals, of one token after the other. */
  final(failure: Failure, verdict: Verdict, mailbox: string | undefined): Failure {
    if (verdict === "of-mailbox" && mailbox !== undefined) {
      const known = unreached(failure, mailbox);
      if (!this.#unreached.has(mailbox)) this.#onUnreached(known);
      this.#unreached.add(mailbox);
      return known;
    }
    return verdict === "renewed" && this.#isAnyTaken ? { ...failure, kind: "retry" } : failure;
  }

  /** Those who ask at once wait for one answer. None in time is no answer. */
  async #isTakenElsewhere(token: string, mailbox: string): Promise<boolean> {
    const other = this.#takers.find((taker) => taker !== mailbox);
    if (other === undefined) return false;
    const key = `${token}\n${other}`;
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = Promise.race([this.#ask(token, other), sleep(PATIENCE_MS, undefined, { ref: false })]).finally(() =>
        this.#asking.delete(key),
      );
      this.#asking.set(key, asking);
    }
    const isTaken = (await asking) === true;
    this.#isAnyTaken ||= isTaken;
    return isTaken;
  }
}

function unreached(failure: Failure, mailbox: string): Failure {
  return {
    ...failure,
    kind: "unreached",
    reason: `Graph does not reach the mailbox ${mailbox}, though others take the same token. ${failure.reason}`,
    remedy: `See where the mailbox is: Get-Recipient -Identity ${mailbox} | Format-List RecipientTypeDetails. What is on-premises (MailUser, RemoteUserMailbox without a licence) is delivered to through EWS: the destination "exchange".`,
  };
}
