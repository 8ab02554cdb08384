import { z } from "zod";
import { GraphFailure } from "./failure.ts";
import type { GraphAnswer, GraphClient, GraphRequest } from "./graph-client.ts";

const Linked = z.object({ "@odata.nextLink": z.string().optional() });

const MOST_PAGES = 100;
const VERSION = "/v1.0/";

/**
 * A list's answer, and what its links lead to. A page may be empty although there is more: only one without a link is the
 * last. It is always our own address that is asked, whatever host a link names.
 */
export async function pagesOf(
  client: GraphClient,
  first: GraphAnswer,
  asked: Pick<GraphRequest, "mailbox" | "headers">,
  signal: AbortSignal,
): Promise<GraphAnswer[]> {
  const pages = [first];
  for (let link = linkOf(first); link !== undefined;) {
    if (pages.length >= MOST_PAGES) throw failure(first, `a list does not end after ${MOST_PAGES} pages`);
    const path = pathOf(link);
    if (path === undefined) throw failure(first, `the link "${link}" leads out of a list`);
    const page = await client.call({ method: "GET", path, ...asked }, signal);
    pages.push(page);
    link = linkOf(page);
  }
  return pages;
}

/** Whether a list goes on after this page. */
export function hasMore(page: GraphAnswer): boolean {
  return linkOf(page) !== undefined;
}

function linkOf({ json }: GraphAnswer): string | undefined {
  return Linked.parse(json)["@odata.nextLink"];
}

function pathOf(link: string): string | undefined {
  if (!URL.canParse(link)) return undefined;
  const { pathname, search } = new URL(link);
  const at = pathname.indexOf(VERSION);
  return at === -1 ? undefined : pathname.slice(at + VERSION.length - 1) + search;
}

function failure({ status, requestId }: GraphAnswer, what: string): GraphFailure {
  const reason = `Graph did not answer in full: ${what} (request-id ${requestId}).`;
  return new GraphFailure({ kind: "retry", reason, status, code: "", correlationId: requestId });
}
