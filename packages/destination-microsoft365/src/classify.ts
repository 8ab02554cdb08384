import { z } from "zod";
import type { Failure } from "./failure.ts";
import type { GraphAnswer } from "./graph-client.ts";

const ErrorBody = z.object({ error: z.looseObject({ code: z.string().default(""), message: z.string().default("") }) });
const Inner = z.looseObject({ code: z.string().optional() });

/** Codes in lower case: Graph spells them one way today and another tomorrow. */
const KINDS: Record<Exclude<Failure["kind"], "unknown" | "unreached">, readonly string[]> = {
  "no-mailbox": [
    "request_resourcenotfound",
    "errorinvaliduser",
    "mailboxnotenabledforrestapi",
    "errornonexistentmailbox",
    "resourcenotfound",
    "extensionerror",
  ],
  misconfigured: [
    "erroraccessdenied",
    "authorization_requestdenied",
    "accessdenied",
    "authorization_identitynotfound",
    "authenticationerror",
    "unauthorized",
    "forbidden",
  ],
  token: ["invalidauthenticationtoken", "compacttoken parsing failed", "tokenexpired"],
  full: ["errorquotaexceeded", "quotalimitreached", "errormailboxfull"],
  "folder-full": ["errormessageperfoldercountreceivequotaexceeded"],
  refused: [
    "errorinvalidrecipients",
    "errorinvalidrequest",
    "requestbodyread",
    "errorpropertyvalidationfailure",
    "errormessagesizeexceeded",
    "malwaredetected",
    "errorvirusdetected",
    "errorcorruptdata",
    "errorinvalidproperty",
    "invalidinternetmessageheader",
    "invalidinternetmessageheadercollection",
    "errorattachmentsizelimitexceeded",
    "requestentitytoolarge",
    "errordatasizelimitexceeded",
    "erroritemsavepropertyerror",
    "badrequest",
  ],
  throttled: ["applicationthrottled", "toomanyrequests", "activitylimitreached", "errorexceededconnectioncount"],
  retry: [
    "errorserverbusy",
    "errormailboxmoveinprogress",
    "errormailboxstoreunavailable",
    "errormailboxfailover",
    "serviceunavailable",
    "errortoomanyobjectsopened",
    "errorinsufficientresources",
  ],
  gone: ["erroritemnotfound", "errorfoldernotfound", "errorinvalididmalformed", "itemnotfound"],
  exists: ["errorfolderexists", "errornameexists"],
};
const IO_ERROR = /IO error during request payload read/i;

/** Sorts a refusal. Microsoft's codes decide, the status where there is none, and never the message's wording. */
export function classify(answer: GraphAnswer, asked: { method: string; url: string; mailbox?: string }): Failure {
  const { status, requestId } = answer;
  const { codes, message } = errorOf(answer.json);
  const retryAfterMs = retryAfterOf(answer.headers["retry-after"]);
  const code = codes[0] ?? "";
  const where = asked.mailbox === undefined ? "Graph" : `Graph, for ${asked.mailbox},`;
  const said = code === "" ? `${status}` : `${status} ${code}: ${message}`;
  const failure: Omit<Failure, "kind"> = {
    reason: `${where} answered ${said} (request-id ${requestId})`,
    status,
    code,
    correlationId: requestId,
  };
  const kind = kindOf(codes, status, asked.method, retryAfterMs !== undefined, message);
  const remedy = remedyOf(kind, code, asked.mailbox);
  return {
    kind,
    ...failure,
    ...(remedy !== undefined && { remedy }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function kindOf(
  codes: string[],
  status: number,
  method: string,
  hasRetryAfter: boolean,
  message: string,
): Failure["kind"] {
  if (status === 429) return "throttled";
  // Whatever it is called: whether it is all of the set-up or this mailbox alone, other mailboxes tell.
  if (status === 401) return "token";
  if (IO_ERROR.test(message)) return "retry";
  for (const code of codes) {
    for (const [kind, known] of Object.entries(KINDS))
      if (known.includes(code.toLowerCase())) return kind as Failure["kind"];
  }
  if (status === 403) return "misconfigured";
  if (status === 404) return "gone";
  if (status === 409) return "exists";
  if (status === 507) return "full";
  if (status === 503 && hasRetryAfter) return "retry";
  // A gateway that gives up does not know whether what stands behind it goes on.
  if (status >= 500) return method === "GET" ? "retry" : "unknown";
  if (status === 408 || status === 509) return "retry";
  return "refused";
}

function remedyOf(kind: Failure["kind"], code: string, mailbox: string | undefined): string | undefined {
  if (kind === "misconfigured" || kind === "token") {
    return mailbox === undefined
      ? "Give the application the permissions Mail.ReadWrite and User.Read.All with an administrator's consent."
      : `Give the application Mail.ReadWrite for ${mailbox}. Where role-based access control limits it: Test-ServicePrincipalAuthorization -Identity <application id> -Resource ${mailbox}`;
  }
  if (kind === "full")
    return `Make room in the mailbox ${mailbox ?? ""}: Enable-Mailbox -Identity ${mailbox ?? "<mailbox>"} -Archive -AutoExpandingArchive`;
  if (kind === "refused" && /size|entity/i.test(code)) return "Lower `messageBytes`: larger messages are then split.";
  return undefined;
}

function errorOf(json: unknown): { codes: string[]; message: string } {
  const body = ErrorBody.safeParse(json).data;
  if (body === undefined) return { codes: [], message: "" };
  const codes = [body.error.code];
  // The innermost code says the most: it stands first.
  let inner: unknown = body.error["innerError"] ?? body.error["innererror"];
  for (let depth = 0; depth < 5; depth += 1) {
    const parsed = Inner.safeParse(inner).data;
    if (parsed === undefined) break;
    if (parsed.code !== undefined) codes.unshift(parsed.code);
    inner = parsed["innerError"] ?? parsed["innererror"];
  }
  return { codes: codes.filter((code) => code !== ""), message: body.error.message };
}

function retryAfterOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
