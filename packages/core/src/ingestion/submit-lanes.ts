import type { DestinationLimits } from "./destination.ts";
import type { Underway } from "./submit-underway.ts";

/** Deliveries in their order, as many together as one `submit` takes. */
export function inChunks(
  items: Underway[],
  { batchDeliveries, batchBytes }: Pick<DestinationLimits, "batchDeliveries" | "batchBytes">,
): Underway[][] {
  const chunks: Underway[][] = [];
  let [chunk, bytes]: [Underway[], number] = [[], 0];
  for (const item of items) {
    if (chunk.length > 0 && (chunk.length >= batchDeliveries || bytes + item.delivery.mail.size > batchBytes)) {
      chunks.push(chunk);
      [chunk, bytes] = [[], 0];
    }
    chunk.push(item);
    bytes += item.delivery.mail.size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

/** Works through lanes fairly, one chunk of each in turn, within the limits of all and of each. */
export async function inLanes<Chunk>(
  lanes: Chunk[][],
  concurrency: number,
  perLane: number,
  work: (chunk: Chunk) => Promise<void>,
): Promise<void> {
  const waiting = lanes.map((chunks) => ({ chunks, running: 0 }));
  let failure: { error: unknown } | undefined;
  async function worker(): Promise<void> {
    while (!failure) {
      const lane = waiting.find(({ chunks, running }) => chunks.length > 0 && running < perLane);
      if (!lane) return;
      waiting.push(...waiting.splice(waiting.indexOf(lane), 1));
      const chunk = lane.chunks.shift();
      if (!chunk) continue;
      lane.running += 1;
      try {
        await work(chunk);
      } catch (error) {
        failure ??= { error };
      }
      lane.running -= 1;
    }
  }
  // A worker ends when all lanes are full; those that go on take up what is left.
  await Promise.all(Array.from({ length: concurrency }, worker));
  if (failure) throw failure.error;
}
