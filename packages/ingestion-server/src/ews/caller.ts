import { timingSafeEqual } from "node:crypto";
import type { ServerContext } from "../server.ts";
import type { Mailbox } from "../store-types.ts";
import { EwsError, EwsFault } from "./fault.ts";
import { child, type Node } from "./xml-tree.ts";

/** An account that signs in by name and password. */
export interface EwsAccount {
  user: string;
  password: string;
  /** Its own mailbox, if it has one. */
  mailbox?: string;
  /** Whether it holds the role ApplicationImpersonation. */
  mayImpersonate?: boolean;
  /** The mailboxes that it has FullAccess to; `all` of them. */
  fullAccess?: string[] | "all";
  /** Whether it holds the Exchange administrator role, which the ingestion service demands. */
  isAdministrator?: boolean;
}

/** Who asks, and as whom. */
export interface Caller {
  /** Whose rights count: the mailbox acted as, or the account's own. */
  acting: Mailbox | undefined;
  account?: EwsAccount;
  application?: { clientId: string; permissions: string[]; mailboxes?: string[] };
}

type SignedIn = Pick<Caller, "account" | "application">;

/** Undefined: the request carries no credentials that are good. */
export function signedIn(
  { tokens }: ServerContext,
  accounts: EwsAccount[],
  authorization: string | undefined,
): SignedIn | undefined {
  const basic = /^Basic (\S+)$/i.exec(authorization ?? "")?.[1];
  if (basic === undefined) {
    const caller = tokens.caller(authorization);
    return caller && { application: caller.application };
  }
  const [user = "", ...password] = Buffer.from(basic, "base64").toString("utf8").split(":");
  const account = accounts.find((known) => known.user.toLowerCase() === user.toLowerCase());
  return account && isSame(account.password, password.join(":")) ? { account } : undefined;
}

/** Reads whom the request acts as. Throws a fault where it may not, or where there is no such mailbox. */
export function actingCaller({ store }: ServerContext, signedIn: SignedIn, header: Node | undefined): Caller {
  const { account, application } = signedIn;
  const sid = child(header, "ExchangeImpersonation", "ConnectingSID")?.children[0];
  if (!sid) {
    if (application)
      throw new EwsFault(
        "ErrorImpersonationRequired",
        "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
      );
    const acting = account?.mailbox === undefined ? undefined : store.mailbox(account.mailbox);
    return { ...signedIn, acting };
  }
  const mayImpersonate = application
    ? application.permissions.includes("full_access_as_app")
    : account?.mayImpersonate === true;
  if (!mayImpersonate)
    throw new EwsFault(
      "ErrorImpersonateUserDenied",
      "The account does not have permission to impersonate the requested user.",
    );
  const acting = activeMailbox(store.mailbox(sid.text.trim()), sid.name);
  if (application?.mailboxes && !application.mailboxes.includes(acting.address)) {
    throw new EwsFault("ErrorAccessDenied", "Access is denied. Check credentials and try again.");
  }
  return { ...signedIn, acting };
}

function activeMailbox(mailbox: Mailbox | undefined, kind: string): Mailbox {
  if (mailbox?.hasMailbox) return mailbox;
  if (kind === "PrincipalName")
    throw new EwsFault("ErrorInvalidUserPrincipalName", "The user principal name (UPN) is not valid.");
  throw new EwsFault("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.");
}

/** The mailbox that a folder id names, or the caller's own. */
export function mailboxFor({ store }: ServerContext, caller: Caller, address: string | undefined): Mailbox {
  if (address === undefined) {
    if (caller.acting) return caller.acting;
    throw new EwsError(
      "ErrorMissingEmailAddress",
      "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.",
    );
  }
  const mailbox = store.mailbox(address);
  if (!mailbox?.hasMailbox)
    throw new EwsError("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.");
  if (mailbox.address !== address.toLowerCase())
    throw new EwsError("ErrorNonPrimarySmtpAddress", "The SMTP address is not the primary address of the mailbox.", {
      Primary: mailbox.address,
    });
  if (!mayOpen(caller, mailbox))
    throw new EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.");
  return mailbox;
}

/** What one may not see, is not there. */
export function mayOpen({ acting, account, application }: Caller, mailbox: Mailbox): boolean {
  if (acting?.id === mailbox.id) return true;
  if (application || !account) return false;
  return account.fullAccess === "all" || (account.fullAccess?.includes(mailbox.address) ?? false);
}

function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
