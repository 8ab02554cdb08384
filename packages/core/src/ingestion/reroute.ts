import type { Destination } from "./destination.ts";
import type { DeliverOptions, DeliverResult } from "./deliver.ts";
import type { IntendedMessage, IntendedTarget, Trace, WithdrawnCopy } from "./journal.ts";
import { sourcesOf } from "./made-again.ts";
import { type PreparedMessage, prepareBatch } from "./prepare.ts";
import { isUnprovenRule, NO_SUCH_MAILBOX } from "./route.ts";
import { stopOf, Submitter } from "./submit.ts";

export interface RerouteResult extends DeliverResult {
  /** Copies that were taken out of the third-party data mailbox because their messages are with their owners now. */
  withdrawn: number;
}

interface Change {
  prepared: PreparedMessage;
  /** Where the message belongs today. */
  owners: string[];
  /** Mailboxes that had it before this rerouting. */
  present: ReadonlySet<string>;
  /** What leaves the third-party data mailbox once all owners have the message. */
  leaving: WithdrawnCopy[];
}

type Copy = IntendedTarget & Pick<WithdrawnCopy, "receipt">;

const CHANGES_AT_ONCE = 500;

/** Deliveries that are open already, and need not be made again. */
type Pending = ReadonlySet<string>;

/**
 * Routes every delivered message anew with the people map and the proven holds as they are now, delivers it to owners that
 * it has gained, and then takes its copy out of the third-party data mailbox. Run again, it finds nothing more to do.
 */
export async function reroute(options: DeliverOptions): Promise<RerouteResult> {
  const result: RerouteResult = { messages: 0, copies: 0, quarantined: 0, postponed: 0, parked: [], withdrawn: 0 };
  try {
    await rerouteAll(options, result);
    return result;
  } catch (error) {
    return { ...result, stopped: stopOf(error) };
  }
}

async function rerouteAll(options: DeliverOptions, result: RerouteResult): Promise<void> {
  const { journal, preparation, destinationId, signal } = options;
  const pending = await pendingOf(options);
  const changes: Change[] = [];
  for await (const trace of journal.intents(preparation.source, destinationId)) {
    if (signal.aborted) break;
    if (trace.purpose === "reroute") continue;
    const change = await changeOf(options, trace, pending);
    if (change) changes.push(change);
    if (changes.length >= CHANGES_AT_ONCE) await apply(options, changes.splice(0), result);
  }
  if (changes.length > 0) await apply(options, changes, result);
}

async function pendingOf({ journal, preparation, destinationId }: DeliverOptions): Promise<Pending> {
  const open = await journal.openIntents(preparation.source, destinationId);
  return new Set(
    open.flatMap(({ messages, deliveries }) =>
      deliveries.flatMap(({ message, target }) => {
        const { messageId, targets } = messages[message] ?? {};
        const mailbox = targets?.[target]?.mailbox;
        return messageId && mailbox ? [keyOf(messageId, mailbox)] : [];
      }),
    ),
  );
}

function keyOf(messageId: string, mailbox: string): string {
  return `${messageId} ${mailbox}`;
}

async function changeOf(options: DeliverOptions, trace: Trace, pending: Pending): Promise<Change | undefined> {
  const { journal, preparation, destinationId, destination } = options;
  const { thirdPartyMailbox } = preparation.policy;
  const { messageId } = trace.message;
  const prepared = await routedAnew(options, trace.message);
  if (!prepared) return undefined;
  const { added, withdrawn } = await journal.rerouted(preparation.source, destinationId, messageId);
  const copies = copiesOf(trace);
  const present = new Set([...copies.map(({ mailbox }) => mailbox), ...added]);
  const owners = prepared.intended.targets.filter(({ mailbox }) => mailbox !== thirdPartyMailbox);
  const missing = new Set(added.includes(thirdPartyMailbox) ? owners.map(({ mailbox }) => mailbox) : missed(trace));
  const targets: IntendedTarget[] = [];
  for (const owner of owners) {
    const { mailbox } = owner;
    if (present.has(mailbox) || pending.has(keyOf(messageId, mailbox))) continue;
    if (!missing.has(mailbox) || (await isThere(mailbox, destination))) targets.push(owner);
  }
  // While it stands in for somebody, if only for one whose hold is not proven, it stays.
  const isParkingOver = owners.length === prepared.intended.targets.length && !withdrawn.includes(thirdPartyMailbox);
  const leaving =
    isParkingOver && destination.withdraw
      ? copies.filter(({ mailbox, rule }) => mailbox === thirdPartyMailbox && isParked(rule))
      : [];
  if (targets.length === 0 && leaving.length === 0) return undefined;
  return {
    prepared: { ...prepared, intended: { ...prepared.intended, targets } },
    owners: owners.map(({ mailbox }) => mailbox),
    present,
    leaving: eachOnce(leaving).map(({ mailbox, folder, receipt }) => ({ messageId, mailbox, folder, receipt })),
  };
}

/** One copy may have served several owners. */
function eachOnce(copies: Copy[]): Copy[] {
  return [...new Map(copies.map((copy) => [copy.receipt.itemId, copy])).values()];
}

/** The mailboxes that there were not when the message was for them. */
function missed({ message, results }: Trace): string[] {
  return message.targets.flatMap(({ mailbox }, index) => {
    const result = results[index];
    return result?.status === "redirected" && result.to.rule === NO_SUCH_MAILBOX ? [mailbox] : [];
  });
}

/** To try a mailbox that is still not there would park a second copy. */
async function isThere(mailbox: string, destination: Destination): Promise<boolean> {
  return (await destination.resolve?.(mailbox)) !== undefined;
}

/** Whether a copy is where it is only until its owners are known, have mailboxes, and their holds are proven. */
function isParked(rule: string): boolean {
  return rule === "nobody" || rule === NO_SUCH_MAILBOX || isUnprovenRule(rule);
}

/** The message with the routes of today, the part of a series that the trace is about. */
async function routedAnew(
  { journal, preparation }: DeliverOptions,
  message: IntendedMessage,
): Promise<PreparedMessage | undefined> {
  const sources = await sourcesOf(message, { journal, connector: preparation.connector });
  const { messages } = await prepareBatch(sources, preparation);
  return messages.find(({ intended }) => intended.messageId === message.messageId);
}

function copiesOf({ message, results }: Trace): Copy[] {
  return message.targets.flatMap((target, index) => {
    const result = results[index];
    if (result?.status === "delivered") return [{ ...target, receipt: result.receipt }];
    return result?.status === "redirected" ? [{ ...result.to, receipt: result.receipt }] : [];
  });
}

/** Owners first; a copy leaves the third-party data mailbox only when theirs are stored. */
async function apply(options: DeliverOptions, changes: Change[], result: RerouteResult): Promise<void> {
  const { journal, preparation, destination, destinationId } = options;
  await deliverTo(
    options,
    changes.flatMap(({ prepared }) => (prepared.intended.targets.length > 0 ? [prepared] : [])),
    result,
  );
  const copies: WithdrawnCopy[] = [];
  for (const { owners, present, leaving, prepared } of changes) {
    if (leaving.length === 0) continue;
    const { added } = await journal.rerouted(preparation.source, destinationId, prepared.intended.messageId);
    if (owners.every((mailbox) => present.has(mailbox) || added.includes(mailbox))) copies.push(...leaving);
  }
  if (copies.length === 0 || !destination.withdraw) return;
  await destination.withdraw(copies, { signal: options.signal });
  await journal.withdrawn(preparation.source, destinationId, copies, options.clock?.() ?? new Date());
  result.withdrawn += copies.length;
}

async function deliverTo(options: DeliverOptions, messages: PreparedMessage[], result: RerouteResult): Promise<void> {
  if (messages.length === 0) return;
  const { journal, preparation, destination, destinationId } = options;
  const intent = {
    source: preparation.source,
    destination: destinationId,
    madeWith: { connector: preparation.connectorVersion, people: preparation.people.digest },
    messages: messages.map(({ intended }) => intended),
    quarantined: [],
    unmapped: [],
    purpose: "reroute" as const,
  };
  const now = options.clock?.() ?? new Date();
  const id = await journal.intend(intent, destination.guarantee === "at-least-once", now);
  const submitter = new Submitter(options, result);
  await submitter.submit(id, messages, "parked");
  await submitter.settleDeferred();
}
