import type { DeliverOptions, DeliverResult } from "./deliver.ts";
import { transcriptSource } from "./group.ts";
import type { IntendedMessage, IntendedTarget, Trace, WithdrawnCopy } from "./journal.ts";
import { type PreparedMessage, prepareBatch, singleEvent } from "./prepare.ts";
import { Submitter } from "./submit.ts";

export interface RerouteResult extends DeliverResult {
  /** Copies that were taken out of the third-party data mailbox because their messages have owners now. */
  withdrawn: number;
}

interface Change {
  prepared: PreparedMessage;
  withdrawn: WithdrawnCopy[];
}

const CHANGES_AT_ONCE = 500;

/**
 * Routes every delivered message anew with the people map as it is now, delivers it to owners that it has gained, and
 * then takes its copy out of the third-party data mailbox. Run again, it finds nothing more to do.
 */
export async function reroute(options: DeliverOptions): Promise<RerouteResult> {
  const result: RerouteResult = { messages: 0, copies: 0, quarantined: 0, postponed: 0, withdrawn: 0 };
  const { journal, preparation, destinationId, signal } = options;
  const changes: Change[] = [];
  for await (const trace of journal.intents(preparation.source, destinationId)) {
    if (signal.aborted) break;
    if (trace.purpose === "reroute") continue;
    const change = await changeOf(options, trace);
    if (change) changes.push(change);
    if (changes.length >= CHANGES_AT_ONCE) await apply(options, changes.splice(0), result);
  }
  if (changes.length > 0) await apply(options, changes, result);
  return result;
}

async function changeOf(options: DeliverOptions, trace: Trace): Promise<Change | undefined> {
  const { journal, preparation, destinationId } = options;
  const prepared = await routedAnew(options, trace.message);
  if (!prepared) return undefined;
  const { added, withdrawn } = await journal.rerouted(preparation.source, destinationId, trace.message.messageId);
  const held = copiesOf(trace);
  const present = new Set([...held.map(({ mailbox }) => mailbox), ...added]);
  const owners = prepared.intended.targets.filter(({ mailbox }) => mailbox !== preparation.policy.thirdPartyMailbox);
  const targets = owners.filter(({ mailbox }) => !present.has(mailbox));
  const unclaimed = held.filter(
    ({ mailbox, rule }) =>
      rule === "nobody" && mailbox === preparation.policy.thirdPartyMailbox && !withdrawn.includes(mailbox),
  );
  const leaving = owners.length > 0 && options.destination.withdraw ? unclaimed : [];
  if (targets.length === 0 && leaving.length === 0) return undefined;
  return {
    prepared: { ...prepared, intended: { ...prepared.intended, targets } },
    withdrawn: leaving.map(({ mailbox, folder, receipt }) => ({
      messageId: trace.message.messageId,
      mailbox,
      folder,
      receipt,
    })),
  };
}

/** The message with the routes of today, the part of a series that the trace is about. */
async function routedAnew(
  { journal, preparation }: DeliverOptions,
  { events: seqs, messageId, transcript }: IntendedMessage,
): Promise<PreparedMessage | undefined> {
  const events = await journal.events(seqs);
  const sources = transcript
    ? [transcriptSource(events, transcript.group, transcript.supplement, preparation.connector)]
    : events.map((event) => singleEvent(event, preparation.connector));
  const { messages } = await prepareBatch(sources, preparation);
  return messages.find(({ intended }) => intended.messageId === messageId);
}

function copiesOf({ message, results }: Trace): (IntendedTarget & Pick<WithdrawnCopy, "receipt">)[] {
  return message.targets.flatMap((target, index) => {
    const result = results[index];
    if (result?.status === "delivered") return [{ ...target, receipt: result.receipt }];
    return result?.status === "redirected" ? [{ ...result.to, receipt: result.receipt }] : [];
  });
}

/** Owners first; a copy leaves the third-party data mailbox only when theirs are stored. */
async function apply(options: DeliverOptions, changes: Change[], result: RerouteResult): Promise<void> {
  const { journal, preparation, destination, destinationId } = options;
  const now = options.clock?.() ?? new Date();
  const delivered = changes
    .filter(({ prepared }) => prepared.intended.targets.length > 0)
    .map(({ prepared }) => prepared);
  if (delivered.length > 0) {
    const madeWith = { connector: preparation.connectorVersion, people: preparation.people.digest };
    const intent = {
      source: preparation.source,
      destination: destinationId,
      madeWith,
      messages: delivered.map(({ intended }) => intended),
      quarantined: [],
      unmapped: [],
      purpose: "reroute" as const,
    };
    const id = await journal.intend(intent, destination.guarantee === "at-least-once", now);
    const submitter = new Submitter(options, result);
    await submitter.submit(id, delivered);
    await submitter.settleDeferred();
  }
  const copies = changes.flatMap(({ withdrawn }) => withdrawn);
  if (copies.length === 0 || !destination.withdraw || result.postponed > 0) return;
  await destination.withdraw(copies, { signal: options.signal });
  await journal.withdrawn(preparation.source, destinationId, copies, now);
  result.withdrawn += copies.length;
}
