import type { Answer } from "../server-http.ts";
import type { ServerContext } from "../server.ts";
import type { Caller, signedIn } from "./caller.ts";
import { EwsFault, soapFault } from "./fault.ts";
import { type MimeMessage, readMime } from "./mime.ts";
import { EwsError } from "./fault.ts";
import { child, type Node, text } from "./xml-tree.ts";

/** The article's words, of which only these are public. */
const SENDER_FAILED =
  "One or more messages in the Request failed to be delivered to either From or Sender email address. You will need to resend your entire Request. Error: The request failed. The remote server returned an error: (401) Unauthorized.";
/** What an administrator consents to so that an application may use the service. */
export const INGESTION_PERMISSION = "ThirdPartyIngestion";

/** The service acts for the third-party data mailbox, whose account is an Exchange administrator, and reaches every mailbox. */
export function ingestionCaller(
  { store }: ServerContext,
  { account, application }: NonNullable<ReturnType<typeof signedIn>>,
  thirdPartyMailbox: string,
): Caller {
  const isThirdParty =
    account?.mailbox?.toLowerCase() === thirdPartyMailbox.toLowerCase() && account.isAdministrator === true;
  const isConsented = application?.permissions.includes(INGESTION_PERMISSION) === true;
  if (!isThirdParty && !isConsented)
    throw new EwsFault("ErrorAccessDenied", "Access is denied. Check credentials and try again.");
  const acting = store.mailbox(thirdPartyMailbox);
  return { acting, account: { user: thirdPartyMailbox, password: "", fullAccess: "all" } };
}

/**
 * What the article says of a request: where the sender of one message has no active mailbox, all of it fails and nothing
 * is stored. Gives the failure; undefined where there is none.
 */
export async function checkIngestion({ store }: ServerContext, operation: Node): Promise<Answer | undefined> {
  for (const node of child(operation, "Items")?.children ?? []) {
    const mime = await readOrUndefined(child(node, "MimeContent")?.text);
    if (!mime) continue;
    const missing = missingProperty(mime, text(node, "ItemClass"));
    // It is not imported, and its own error says why.
    if (missing) continue;
    const senders = [mime.content.from, mime.content.sender].filter((address) => address !== undefined);
    if (senders.some(({ address }) => store.mailbox(address)?.hasMailbox !== true)) {
      return soapFault(`<faultcode>s:Client</faultcode><faultstring xml:lang="en-US">${SENDER_FAILED}</faultstring>`);
    }
  }
  return undefined;
}

/** The first mandatory property that a message lacks. */
export function missingProperty({ content, sentAt }: MimeMessage, itemClass: string | undefined): string | undefined {
  if (content.from === undefined) return "FROM";
  if (content.to.length + content.cc.length + content.bcc.length === 0) return "TO";
  if (sentAt === undefined || Number.isNaN(sentAt.getTime())) return "DATE";
  return itemClass !== undefined && /^IPM\.NOTE\.[^.]+\.[^.]+/i.test(itemClass) ? undefined : "MESSAGECLASS";
}

async function readOrUndefined(base64: string | undefined): Promise<MimeMessage | undefined> {
  try {
    return base64 === undefined ? undefined : await readMime(base64);
  } catch (error) {
    if (error instanceof EwsError) return undefined;
    throw error;
  }
}
