import { join } from "node:path";
import { assertDone, atLeast, atMost, childLines, type Row } from "./measure.ts";

const FROM_SOURCE = ["--conditions=@hansard/source"];

/** Slack's Discovery API without limits, and with those that Slack publishes. */
export function slack(): Row[] {
  type Measured = { messages: number; messagesPerSecond: number; share: number; refused: number };
  const [{ messages, messagesPerSecond, share, refused }] = run<[Measured]>("slack-discovery.ts", 1);
  return [
    atLeast(
      "messages a second by Slack's Discovery API into the journal",
      messagesPerSecond,
      3000,
      `${messages} in all`,
    ),
    atLeast("share of the requests that Slack's limits allow", share, 0.95, ""),
    atMost("requests that Slack's limits refused", refused, 0, ""),
  ];
}

interface Speed {
  ratio: number;
  messagesPerSecond: number;
  plainPerSecond: number;
  /** Of the client's own process, in microseconds for each message. */
  cpu: number;
  plainCpu: number;
}

/** Microsoft Graph: against a plain client on the same server, and within its limits. */
export function graph(): Row[] {
  type Use = Record<"requests" | "bytes", { share: number; refused: number }>;
  const [speed, use] = run<[Speed, Use]>("graph.ts", 2);
  return [
    throughput("Graph", speed),
    ...(["requests", "bytes"] as const).flatMap((what) => [
      atLeast(`share of the ${what} that Graph allows`, use[what].share, 0.95, ""),
      atMost(`refused for too many ${what}`, use[what].refused, 0, ""),
    ]),
  ];
}

/** Exchange Web Services: the same. */
export function ews(): Row[] {
  type Use = { limit: string; used: number; exceeded: number };
  const [speed, ...limits] = run<[Speed, ...Use[]]>("ews.ts", 4);
  return [
    throughput("EWS", speed),
    ...limits.flatMap(({ limit, used, exceeded }) => [
      atLeast(`share of ${limit} that is used`, used, 0.95, ""),
      atMost(`requests beyond ${limit}`, exceeded, 0, ""),
    ]),
  ];
}

function throughput(protocol: string, { ratio, messagesPerSecond, plainPerSecond, cpu, plainCpu }: Speed): Row {
  return atLeast(
    `${protocol} into 200 mailboxes, as a share of the speed of a plain client with prepared bodies; mails are composed beforehand on both sides`,
    ratio,
    0.8,
    `${messagesPerSecond.toFixed(0)}/s against ${plainPerSecond.toFixed(0)}/s; own processor time for a message ${cpu.toFixed(0)} against ${plainCpu.toFixed(0)} µs`,
  );
}

/** What a script measured that prints so many lines. */
function run<Results extends object[]>(script: string, lines: number): Results {
  const results = childLines<object>(join(import.meta.dirname, script), [], FROM_SOURCE);
  assertDone(`measurements of ${script}`, results.length, lines);
  return results as Results;
}
