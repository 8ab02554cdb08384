import { find, textAt } from "./answer.ts";
import { resolveName } from "./requests.ts";
import type { Session } from "./session.ts";
import type { Settings } from "./settings.ts";
import { asFailure } from "./submit.ts";
import { thrown } from "./thrown.ts";

const NOBODY = ["ErrorNameResolutionNoResults", "ErrorNameResolutionNoMailbox"];

/** The primary address of the one mailbox that the organization's directory knows by this address. */
export async function resolveAddress(
  address: string,
  { probeMailbox }: Pick<Settings, "probeMailbox">,
  session: Session,
): Promise<string | undefined> {
  const signal = new AbortController().signal;
  const mailbox = probeMailbox ?? address;
  try {
    const { messages } = await session.call({
      operation: "ResolveNames",
      mailbox,
      body: resolveName(address),
      signal,
      idempotent: true,
    });
    const [message] = messages;
    if (message && "failure" in message) {
      if (NOBODY.includes(message.failure.code)) return undefined;
      throw message.failure;
    }
    const resolutions = find(message?.element, "ResolutionSet")?.children ?? [];
    const [only] = resolutions;
    const found = find(only, "Mailbox");
    if (resolutions.length !== 1 || textAt(found, "MailboxType") !== "Mailbox") return undefined;
    return textAt(found, "EmailAddress")?.toLowerCase();
  } catch (error) {
    const failure = asFailure(error);
    if (failure.disposition === "no-mailbox") return undefined;
    throw thrown(failure);
  }
}
