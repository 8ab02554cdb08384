import type { MessageDraft, Participant } from "../message.ts";
import type { Folder } from "./destination.ts";
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

/** One mailbox and folder that the message goes to. */
export interface RouteTarget {
  mailbox: string;
  folder: Folder;
  /** The rule by which the first of the participants was found, `nobody`, or `hold not proven: anna@contoso.example`. */
  rule: string;
  /** On whose account, FROM first. */
  participantIds: string[];
}

export interface Route {
  /** At least one. By mailbox in the order of their letters. */
  targets: RouteTarget[];
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
  const participants = eachOnce([message.from, ...message.to]);
  const mappable = participants.filter(({ kind }) => kind !== "place");
  const matches = mappable.map((participant) => people.find(participant));
  if (matches.some((match) => match instanceof Promise)) {
    return Promise.all(matches).then((found) => toRoute(participants, mappable, found, policy));
  }
  return toRoute(participants, mappable, matches as (PersonMatch | undefined)[], policy);
}

/** Somebody may be named twice. The same id with another address counts: it may lead elsewhere. */
function eachOnce(participants: Participant[]): Participant[] {
  const seen = new Set<string>();
  const once: Participant[] = [];
  for (const participant of participants) {
    const { id, address } = participant;
    if (seen.has(id) && once.some((other) => other.id === id && other.address === address)) continue;
    seen.add(id);
    once.push(participant);
  }
  return once;
}

function toRoute(
  participants: Participant[],
  mappable: Participant[],
  matches: (PersonMatch | undefined)[],
  policy: RoutePolicy,
): Route {
  const { folder = PURGES, isHoldUnproven } = policy;
  const thirdPartyMailbox = policy.thirdPartyMailbox.toLowerCase();
  const targets = new Map<string, RouteTarget>();
  const heldBack = new Map<string, string[]>();

  for (const [index, match] of matches.entries()) {
    const participant = mappable[index];
    if (!match || !participant) continue;
    const { mailbox, rule } = match;
    const target = targets.get(mailbox);
    if (folder.kind === "purges" && isHoldUnproven?.(mailbox) === true) append(heldBack, mailbox, participant.id);
    else if (target) target.participantIds.push(participant.id);
    else targets.set(mailbox, { mailbox, folder, rule, participantIds: [participant.id] });
  }
  const unmapped = mappable.filter((_participant, index) => matches[index] === undefined);
  addThirdParty(targets, heldBack, thirdPartyMailbox, participants);
  return { targets: [...targets.values()].sort((left, right) => (left.mailbox < right.mailbox ? -1 : 1)), unmapped };
}

/** The third-party data mailbox gets one copy at most, as every mailbox does: what it has as a participant's serves both. */
function addThirdParty(
  targets: Map<string, RouteTarget>,
  heldBack: Map<string, string[]>,
  mailbox: string,
  participants: Participant[],
): void {
  if (targets.size > 0 && heldBack.size === 0) return;
  const isNobody = heldBack.size === 0;
  const participantIds = isNobody ? participants.map(({ id }) => id) : [...heldBack.values()].flat();
  const target = targets.get(mailbox);
  if (target) {
    target.participantIds.push(...participantIds);
    return;
  }
  const rule = isNobody ? "nobody" : unprovenRule([...heldBack.keys()]);
  targets.set(mailbox, { mailbox, folder: INBOX, rule, participantIds });
}

/** The rule of a copy that is in the third-party data mailbox until the holds of these are proven. */
export function unprovenRule(mailboxes: string[]): string {
  return `${UNPROVEN}${mailboxes.toSorted().join(", ")}`;
}

export function isUnprovenRule(rule: string): boolean {
  return rule.startsWith(UNPROVEN);
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
