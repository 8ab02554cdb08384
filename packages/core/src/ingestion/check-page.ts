import type { Connector } from "../connector.ts";
import { UnexpectedResponseError } from "../errors.ts";
import type { Page, SourceEvent } from "../event.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** Refuses a page that breaks the contract, before any of it is written. */
export function checkPage(page: Page, connector: Connector): void {
  for (const event of page.events) {
    const problem = problemOf(event, connector);
    if (problem) {
      throw new UnexpectedResponseError(`The connector gave an event that breaks the contract: ${problem}`, {
        connector: connector.id,
        scope: { event: String(event.key) },
        remedy: `Report this to the author of @hansard/connector-${connector.id}.`,
      });
    }
  }
}

function problemOf({ type, key, version, occurredAt, data }: SourceEvent, { events }: Connector): string | undefined {
  if (typeof key !== "string" || key === "" || key.length > 1000)
    return `its key must be 1 to 1,000 characters, and is ${JSON.stringify(key)?.slice(0, 60)}.`;
  if (!Object.hasOwn(events, type)) return `"${key}" has the type "${type}", which the connector does not map.`;
  if (version !== undefined && typeof version !== "string") return `the version of "${key}" is not text.`;
  if (!TIME.test(occurredAt))
    return `"${key}" has no time of the form 2026-03-02T09:30:00Z but ${JSON.stringify(occurredAt)}.`;
  if (data === undefined) return `"${key}" has no data.`;
  return undefined;
}
