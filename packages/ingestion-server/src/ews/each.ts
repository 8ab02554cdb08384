import { EwsError, errorMessage, fromStore, isFatal } from "./fault.ts";

const STOPPED = new EwsError(
  "ErrorBatchProcessingStopped",
  "The batch processing was stopped because of an earlier error.",
);

/** A response message for each item. An error of one leaves the others alone, save a fatal one, which ends the batch. */
export async function each<Item>(
  operation: string,
  items: Item[],
  work: (item: Item) => Promise<string> | string,
): Promise<string> {
  // They are worked at together, so that they share one wait for the disk.
  const results = await Promise.all(items.map((item) => attempt(item, work)));
  const fatal = results.findIndex((result) => result instanceof EwsError && isFatal(result));
  return results
    .map((result, index) => {
      if (!(result instanceof EwsError)) return success(operation, result);
      return errorMessage(operation, fatal >= 0 && index > fatal ? STOPPED : result);
    })
    .join("");
}

export function success(operation: string, content: string): string {
  return `<m:${operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>${content}</m:${operation}ResponseMessage>`;
}

async function attempt<Item>(item: Item, work: (item: Item) => Promise<string> | string): Promise<string | EwsError> {
  try {
    return await work(item);
  } catch (error) {
    return fromStore(error);
  }
}
