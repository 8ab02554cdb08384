import {
  type JournalEvent,
  prepareBatch,
  type PreparedMessage,
  singleEvent,
  type Trace,
} from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";
import { plural, print, shown } from "../output.ts";
import { type Unfinished, unfinished, unfinishedLine } from "../problem.ts";
import { deliverCorrected } from "./replay-delivery.ts";

const NAMED_AT_MOST = 20;

interface Difference {
  event: number;
  key: string;
  /** As it was delivered. */
  recorded: { messageClass: string; sha256: string };
  /** As it would be now; absent where the event can no longer be mapped. */
  now?: { messageClass: string; sha256: string };
  reason?: string;
}

/** What was mapped again, and what came of delivering it. */
interface ReplayReport {
  messages: number;
  same: number;
  different: number;
  corrected: number;
  differences: Difference[];
  unfinished: Unfinished[];
}

/**
 * Maps every recorded event again, as the installed connector maps today, and compares with what was delivered. Nothing
 * is fetched: the journal holds all that a mapping needs.
 */
export async function replay(
  installation: Installation,
  { json, source: wanted, deliver }: { json?: boolean; source?: string; deliver?: unknown },
  signal: AbortSignal,
): Promise<number> {
  if (deliver) installation.lock();
  const report: ReplayReport = { messages: 0, same: 0, different: 0, corrected: 0, differences: [], unfinished: [] };
  for (const id of installation.sourceIds(wanted)) {
    for (const destinationId of installation.destinationIds(id)) {
      const changed: PreparedMessage[] = [];
      for await (const trace of installation.journal.intents(id, destinationId)) {
        if (signal.aborted) break;
        if (trace.purpose === "reroute" || trace.message.transcript || (trace.message.part ?? 1) > 1) continue;
        const difference = await compare(installation, id, destinationId, trace, changed);
        report.messages += 1;
        if (difference) report.differences.push(difference);
        else report.same += 1;
      }
      if (!deliver || changed.length === 0) continue;
      const result = await deliverCorrected(installation, id, destinationId, changed, signal);
      report.corrected += result.messages;
      report.unfinished.push(...unfinished(`${id} → ${destinationId}`, result));
    }
  }
  report.different = report.differences.length;
  print(json, report, () => text(report));
  return report.unfinished.length > 0 ? 1 : 0;
}

async function compare(
  installation: Installation,
  id: string,
  destinationId: string,
  { message }: Trace,
  changed: PreparedMessage[],
): Promise<Difference | undefined> {
  const source = await installation.source(id);
  const preparation = await installation.preparation(source, await installation.destination(destinationId));
  const [event] = await installation.journal.events(message.events);
  if (!event) return undefined;
  const { messages, quarantined } = await prepareBatch(
    [singleEvent(event, source.connector, message.addresses ?? {})],
    preparation,
    message.targets,
  );
  const [made] = messages;
  if (made?.intended.sha256 === message.sha256) return undefined;
  if (made) changed.push(made);
  return {
    ...named(event),
    recorded: { messageClass: message.messageClass, sha256: message.sha256 },
    ...(made
      ? { now: { messageClass: made.intended.messageClass, sha256: made.intended.sha256 } }
      : { reason: quarantined[0]?.reason ?? "It gives no message." }),
  };
}

function named({ seq, key }: JournalEvent): { event: number; key: string } {
  return { event: seq, key };
}

function text({ messages, same, corrected, differences, unfinished: left }: ReplayReport): string {
  const lines = differences
    .slice(0, NAMED_AT_MOST)
    .map(
      ({ key, recorded, now, reason }) =>
        `  ${shown(key)}: ${recorded.messageClass}${now ? (now.messageClass === recorded.messageClass ? ", other content" : ` → ${now.messageClass}`) : `: ${reason}`}`,
    );
  const more =
    differences.length > NAMED_AT_MOST
      ? [`  … and ${differences.length - NAMED_AT_MOST} more; --json names them all`]
      : [];
  return [
    `${plural(messages, "message")} mapped again: ${same} the same, ${differences.length} different${corrected ? `, ${corrected} delivered as corrections` : ""}.`,
    ...lines,
    ...more,
    ...left.map(unfinishedLine),
  ].join("\n");
}
