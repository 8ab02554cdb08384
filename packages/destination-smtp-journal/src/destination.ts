import type { Delivery, Destination, DestinationContext, Outcome } from "@hansard/core/ingestion";
import { isPlainAddress } from "./address.ts";
import { check } from "./check.ts";
import { connector } from "./connection.ts";
import { Lines } from "./lines.ts";
import { limitsOf, wrap } from "./presets.ts";
import type { Settings } from "./settings.ts";

const BATCH_DELIVERIES = 50;
const BATCH_BYTES = 64 * 1024 * 1024;

export async function openJournalDestination(context: DestinationContext<Settings>): Promise<Destination> {
  const { settings, blobs } = context;
  const open = await connector(settings);
  const limits = limitsOf(settings);
  const lines = new Lines(settings, open);

  async function submitOne(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return { status: "retry", reason: "The run ended before this message was sent." };
    const to = settings.recipient === "mailbox" ? delivery.mailbox : settings.recipient;
    if (!isPlainAddress(to)) {
      return {
        status: "refused",
        reason: `"${to}" is not an address that an SMTP command can hold.`,
        remedy: "Correct the mailbox in the people map.",
      };
    }
    const wrapping = wrap(delivery, settings, to);
    return lines.send({ delivery, wrapping, from: settings.sender, to }, blobs);
  }

  return {
    guarantee: "at-least-once",
    limits: {
      messageBytes: limits.mailBytes,
      batchDeliveries: BATCH_DELIVERIES,
      batchBytes: BATCH_BYTES,
      concurrency: settings.connections,
    },
    settleMs: settings.settleMs,
    check: () => check(settings, open),
    async submit(deliveries, { signal }) {
      const outcomes: Outcome[] = [];
      for (const delivery of deliveries) outcomes.push(await submitOne(delivery, signal));
      return outcomes;
    },
    // SMTP only takes: nobody can ask what arrived. See the README.
    find: (deliveries) => Promise.resolve(deliveries.map(() => undefined)),
    close() {
      lines.close();
      return Promise.resolve();
    },
  };
}
