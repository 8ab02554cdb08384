import type { MessageDraft, Participant } from "../message.ts";
import type { Folder } from "./destination.ts";
import type { IntendedTarget } from "./journal.ts";
import type { PeopleMap, PersonMatch } from "./people/index.ts";

/** Where messages of a source go within one destination. */
export interface RoutePolicy {
  /** The folder of each participant's mailbox. Absent: Recoverable Items/Purges. */
  folder?: Folder;
  /** The mailbox whose inbox takes what nobody claims. */
  thirdPartyMailbox: string;
  /**
   * Whether no hold is proven for a mailbox, so that its Purges would not keep a message. Absent: the destination keeps
   * what it is given, as the embedded archive does.
   */
  isHoldUnproven?: (mailbox: string) => boolean;
}

export interface Route {
  /** At least one. By mailbox in the order of their letters. */
  targets: IntendedTarget[];
  /** Persons and bots that no rule knows, FROM first. */
  unmapped: Participant[];
}

/** The rule of a copy that is in the third-party data mailbox because the destination knows no mailbox of its owner's. */
export const NO_SUCH_MAILBOX = "no such mailbox";
const UNPROVEN = "hold not proven: ";
const PURGES: Folder = { kind: "purges" };
const INBOX: Folder = { kind: "inbox" };

/**
 * Decides who gets a message: every participant who has a mailbox, once; the third-party data mailbox where nobody has
 * one, or where a hold is not proven. Answers at once unless a directory must be asked, and rejects when that cannot say.
 */
export function routeMessage(
  message: Pick<MessageDraft, "from" | "to">,
  people: PeopleMap,
  policy: RoutePolicy,
): Route | Promise<Route> {
  const mappable = eachOnce([message.from, ...message.to]).filter(({ kind }) => kind !== "place");
  const matches = mappable.map((participant) => people.find(participant));
  if (matches.some((match) => match instanceof Promise)) {
    return Promise.all(matches).then((found) => toRoute(mappable, found, policy));
  }
  return toRoute(mappable, matches as (PersonMatch | undefined)[], policy);
}

/** Somebody may be named twice. The same id with another address counts: it may lead elsewhere. */
function eachOnce(participants: Participant[]): Participant[] {
  const seen = new Map<string, Set<string | undefined>>();
  return participants.filter(({ id, address }) => {
    const addresses = seen.get(id);
    if (addresses?.has(address)) return false;
    if (addresses) addresses.add(address);
    else seen.set(id, new Set([address]));
    return true;
  });
}

function toRoute(mappable: Participant[], matches: (PersonMatch | undefined)[], policy: RoutePolicy): Route {
  const { folder = PURGES, isHoldUnproven } = policy;
  const targets = new Map<string, IntendedTarget>();
  const unproven = new Set<string>();
  const unmapped: Participant[] = [];
  for (const [index, participant] of mappable.entries()) {
    const match = matches[index];
    if (!match) unmapped.push(participant);
    else if (folder.kind === "purges" && isHoldUnproven?.(match.mailbox) === true) unproven.add(match.mailbox);
    else if (!targets.has(match.mailbox))
      targets.set(match.mailbox, { mailbox: match.mailbox, folder, rule: match.rule });
  }
  if (targets.size === 0 || unproven.size > 0) addThirdParty(targets, [...unproven], policy.thirdPartyMailbox);
  return { targets: [...targets.values()].sort((left, right) => (left.mailbox < right.mailbox ? -1 : 1)), unmapped };
}

/** The third-party data mailbox gets one copy at most, as every mailbox does: what it has as a participant's serves both. */
function addThirdParty(targets: Map<string, IntendedTarget>, unproven: string[], thirdPartyMailbox: string): void {
  const mailbox = thirdPartyMailbox.toLowerCase();
  if (targets.has(mailbox)) return;
  const rule = unproven.length === 0 ? "nobody" : unprovenRule(unproven);
  targets.set(mailbox, { mailbox, folder: INBOX, rule });
}

/** The rule of a copy that is in the third-party data mailbox until the holds of these are proven. */
export function unprovenRule(mailboxes: string[]): string {
  return `${UNPROVEN}${mailboxes.toSorted().join(", ")}`;
}

export function isUnprovenRule(rule: string): boolean {
  return rule.startsWith(UNPROVEN);
}

/** The mailboxes whose holds such a rule waits for. */
export function unprovenMailboxes(rule: string): string[] {
  return rule.slice(UNPROVEN.length).split(", ");
}
