import type { ServerPace } from "../server-pace.ts";
import type { Caller } from "./caller.ts";
import { EwsFault } from "./fault.ts";

/**
 * Does the work within the limits, or throws a fault as Exchange does. What is done in impersonation is counted against the
 * mailbox, anything else against the account.
 */
export async function withinLimits<Result>(
  pace: ServerPace,
  { acting, account, application }: Caller,
  bytes: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const who = application?.clientId ?? account?.user ?? "";
  const pass = pace.enter(who, acting?.address ?? who, bytes);
  if (!("limit" in pass)) return work().finally(pass.leave);
  if (pass.limit === "MailboxConcurrency") {
    throw new EwsFault(
      "ErrorExceededConnectionCount",
      "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed.",
    );
  }
  throw new EwsFault("ErrorServerBusy", "The server cannot service this request right now. Try again later.", {
    BackOffMilliseconds: String(Math.max(1, Math.ceil(pass.waitMs))),
  });
}
