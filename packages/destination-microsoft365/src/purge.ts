import type { Receipt } from "@hansard/core/ingestion";
import { callBatch } from "./batch.ts";
import { userPath, type Work } from "./deliver.ts";
import { GraphFailure } from "./failure.ts";

/** Sends what is complete in the staging folder into Recoverable Items/Purges. Gives what failed, in their order. */
export async function purgeStaged(
  mailbox: string,
  staged: Receipt[],
  { client }: Work,
  signal: AbortSignal,
): Promise<(Receipt | GraphFailure)[]> {
  const requests = staged.map(({ itemId }) => ({
    method: "POST" as const,
    path: `${userPath(mailbox)}/messages/${itemId}/permanentDelete`,
    mailbox,
  }));
  const answers = await callBatch(client, requests, signal);
  return staged.map((receipt, index) => {
    const answer = answers[index];
    return answer instanceof GraphFailure ? uncertain(answer) : receipt;
  });
}

/** Whether it lies in staging or in Purges by now is found out by looking. */
function uncertain({ failure }: GraphFailure): GraphFailure {
  const isDefinite = failure.kind === "misconfigured" || failure.kind === "token";
  return new GraphFailure(isDefinite ? failure : { ...failure, kind: "unknown" });
}

/** Whether Purges still has an item. Without a hold it does not keep what is sent there. */
export async function isKept(mailbox: string, itemId: string, { client }: Work, signal: AbortSignal): Promise<boolean> {
  try {
    await client.call({ method: "GET", path: `${userPath(mailbox)}/messages/${itemId}?$select=id`, mailbox }, signal);
    return true;
  } catch (error) {
    if (error instanceof GraphFailure && error.failure.kind === "gone") return false;
    throw error;
  }
}
