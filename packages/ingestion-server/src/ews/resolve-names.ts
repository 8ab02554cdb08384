import type { Mailbox } from "../store-types.ts";
import type { Call } from "./call.ts";
import { each } from "./each.ts";
import { EwsError } from "./fault.ts";
import { element, text } from "./xml-tree.ts";

const MOST = 100;

/** Looks a name or address up in the directory. */
export function resolveNames(call: Call): Promise<string> {
  const entry = text(call.operation, "UnresolvedEntry") ?? "";
  return each("ResolveNames", [entry], () => {
    const found = matching(call.context.store.mailboxes(), entry).slice(0, MOST);
    if (found.length === 0) throw new EwsError("ErrorNameResolutionNoResults", "No results were found.");
    const list = found.map((mailbox) => `<t:Resolution>${written(mailbox)}</t:Resolution>`).join("");
    return `<m:ResolutionSet TotalItemsInView="${found.length}" IncludesLastItemInRange="true">${list}</m:ResolutionSet>`;
  });
}

function matching(mailboxes: Mailbox[], entry: string): Mailbox[] {
  const wanted = entry.toLowerCase();
  const exact = /^smtp:(.+)$/.exec(wanted)?.[1];
  return mailboxes.filter(({ address, displayName, proxyAddresses, hasMailbox }) => {
    if (!hasMailbox) return false;
    const addresses = [address, ...proxyAddresses.map((proxy) => proxy.replace(/^smtp:/i, ""))].map((one) =>
      one.toLowerCase(),
    );
    if (exact !== undefined) return addresses.includes(exact);
    return addresses.some((one) => one.startsWith(wanted)) || displayName.toLowerCase().startsWith(wanted);
  });
}

function written({ displayName, address }: Mailbox): string {
  return `<t:Mailbox>${element("Name", displayName)}${element("EmailAddress", address)}<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>`;
}
