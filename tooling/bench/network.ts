import { join } from "node:path";
import { atLeast, atMost, childLines, type Row } from "./measure.ts";

const FROM_SOURCE = ["--conditions=@hansard/source"];

/** Slack's Discovery API without limits, and with those that Slack publishes. */
export function slack(): Row[] {
  const [measured] = run<{ messages: number; messagesPerSecond: number; share: number; refused: number }>(
    "slack-discovery.ts",
  );
  if (!measured) return [];
  const { messages, messagesPerSecond, share, refused } = measured;
  return [
    atLeast(
      "messages a second by Slack's Discovery API into the journal",
      messagesPerSecond,
      3000,
      `${messages} in all`,
    ),
    atLeast("share of the requests that Slack's limits allow", share, 0.95, `${refused} refused`),
  ];
}

interface Speed {
  ratio: number;
  messagesPerSecond: number;
  plainPerSecond: number;
}

/** Microsoft Graph: against a plain client on the same server, and within its limits. */
export function graph(): Row[] {
  type Use = Record<"requests" | "bytes", { share: number; refused: number }>;
  const [speed, use] = run<Speed & Use>("graph.ts");
  return [
    ...(speed ? [throughput("Graph", speed)] : []),
    ...(["requests", "bytes"] as const).flatMap((what) =>
      use
        ? [
            atLeast(`share of the ${what} that Graph allows`, use[what].share, 0.95, ""),
            atMost(`refused for too many ${what}`, use[what].refused, 0, ""),
          ]
        : [],
    ),
  ];
}

/** Exchange Web Services: the same. */
export function ews(): Row[] {
  const [speed, ...limits] = run<Speed & { limit: string; used: number; exceeded: number }>("ews.ts");
  return [
    ...(speed ? [throughput("EWS", speed)] : []),
    ...limits.flatMap(({ limit, used, exceeded }) => [
      atLeast(`share of ${limit} that is used`, used, 0.95, ""),
      atMost(`requests beyond ${limit}`, exceeded, 0, ""),
    ]),
  ];
}

function throughput(protocol: string, speed: Speed): Row {
  return atLeast(
    `${protocol} into 200 mailboxes, as a share of the speed of a plain client with prepared bodies`,
    speed.ratio,
    0.8,
    `${speed.messagesPerSecond.toFixed(0)}/s against ${speed.plainPerSecond.toFixed(0)}/s`,
  );
}

function run<Result>(script: string): Result[] {
  return childLines<Result>(join(import.meta.dirname, script), [], FROM_SOURCE);
}
