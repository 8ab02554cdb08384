import { type Finding, isHansardError } from "@hansard/core";
import type { DestinationContext } from "@hansard/core/ingestion";
import { retirement } from "./cloud.ts";
import type { Doubts } from "./doubts.ts";
import { ExchangeFailure } from "./failure.ts";
import type { Keepings } from "./keepings.ts";
import { getFolder } from "./requests.ts";
import type { Session } from "./session.ts";
import { isLocal, type Settings } from "./settings.ts";
import { readCertificate } from "./sign-in.ts";
import { certificateEnd, type SignedInDoor } from "./transport.ts";

export interface CheckContext {
  settings: Settings;
  session: Session;
  door: SignedInDoor;
  doubts: Doubts;
  keepings: Keepings;
  routing: DestinationContext<Settings>["routing"];
  now: () => Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 30;
const MOST_LOOKS = 40;
const SKEW_MS = 5 * 60 * 1000;

/** Looks at dates, credentials, clock, permissions and folders, as a delivery would. */
export async function check(context: CheckContext): Promise<Finding[]> {
  const { settings, doubts, now } = context;
  const { url, useAfterRetirement } = settings;
  const findings: (Finding | undefined)[] = [
    retirement(url, now(), useAfterRetirement),
    profile(settings),
    certificate(settings, now()),
  ];
  findings.push(
    await serverCertificate(settings, now()),
    await clock(context),
    ...(await mailboxes(context)),
    ...(await holdFindings(context)),
    ...(await duplicates(doubts)),
  );
  return findings.filter((finding) => finding !== undefined);
}

function profile({ profile }: Settings): Finding | undefined {
  if (profile === "exchange") return undefined;
  const message =
    "The partner ingestion profile is on: Microsoft never published this service's contract and retired it on 2024-12-30, so that only a service of your own can answer.";
  return { level: "warning", message, remedy: "For Microsoft 365 deliver through Microsoft Graph." };
}

function certificate({ signIn }: Settings, now: Date): Finding | undefined {
  if (signIn.method !== "certificate") return undefined;
  const remedy =
    "Make a new certificate, upload it to the application beside the old one, then change `certificateFile` and `privateKeyFile`.";
  return validity("The application's certificate", readCertificate(signIn.certificateFile).validTo, now, remedy);
}

/** Whether it is trusted is for the requests to say; here only how long it lasts. */
async function serverCertificate(settings: Settings, now: Date): Promise<Finding | undefined> {
  const { protocol, host } = new URL(settings.url);
  if (protocol !== "https:") return undefined;
  const validTo = await certificateEnd(settings);
  if (validTo === undefined) return undefined;
  return validity(`The certificate of ${host}`, validTo, now, "Renew it: after that day nothing is delivered.");
}

function validity(whose: string, validTo: string, now: Date, remedy: string): Finding {
  const days = Math.floor((Date.parse(validTo) - now.getTime()) / DAY_MS);
  if (days < 0) return { level: "error", message: `${whose} ended on ${validTo}.`, remedy };
  if (days < SOON_DAYS) return { level: "warning", message: `${whose} ends in ${days} days, on ${validTo}.`, remedy };
  return { level: "ok", message: `${whose} is good for ${days} days.` };
}

/** Tokens and NTLM proofs are refused where the clocks are minutes apart. */
async function clock({ settings, now }: CheckContext): Promise<Finding | undefined> {
  let date: string | null;
  try {
    const answer = await fetch(settings.url, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(10_000),
    });
    date = answer.headers.get("date");
  } catch {
    // Whether it is reachable with our certificates is for the other findings to say.
    return undefined;
  }
  const skewMs = date === null ? 0 : now().getTime() - Date.parse(date);
  if (Math.abs(skewMs) <= SKEW_MS) return undefined;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  return {
    level: "error",
    message: `This machine's clock is ${minutes} minutes ${skewMs > 0 ? "ahead of" : "behind"} the server's.`,
    remedy: "Set the clock by NTP: tokens and signatures are refused else.",
  };
}

async function mailboxes({ settings, session, routing }: CheckContext): Promise<Finding[]> {
  const { probeMailbox, url } = settings;
  const named = [...new Set([probeMailbox, routing?.thirdPartyMailbox].filter((address) => address !== undefined))];
  if (named.length === 0) {
    return [
      {
        level: "warning",
        message: `Nothing was asked of ${new URL(url).host}.`,
        remedy: "Name `probeMailbox`, so that permissions can be looked at.",
      },
    ];
  }
  const findings: Finding[] = [];
  for (const mailbox of named) {
    findings.push(await folder(mailbox, "inbox", session));
    if (findings.at(-1)?.level === "ok") findings.push(await folder(mailbox, "recoverableitemspurges", session));
  }
  if (!isLocal(url) && url.startsWith("http:"))
    findings.push({ level: "error", message: "The address is not https.", remedy: "Correct `url`." });
  return findings;
}

async function folder(mailbox: string, distinguished: string, session: Session): Promise<Finding> {
  const signal = AbortSignal.timeout(60_000);
  try {
    const { messages } = await session.call({
      operation: "GetFolder",
      mailbox,
      body: getFolder({ distinguished, mailbox }),
      signal,
      idempotent: true,
    });
    const [message] = messages;
    if (message && "failure" in message) throw message.failure;
    return { level: "ok", message: `The folder ${distinguished} of ${mailbox} can be reached.` };
  } catch (error) {
    if (!(error instanceof ExchangeFailure)) throw error;
    return {
      level: "error",
      message: `The folder ${distinguished} of ${mailbox} cannot be reached. ${error.message}`,
      remedy: remedyFor(error, mailbox),
    };
  }
}

function remedyFor({ disposition, code, remedy }: ExchangeFailure, mailbox: string): string {
  if (code === "ErrorInvalidLicense")
    return `Give ${mailbox} a licence with Exchange Online: Get-MgUserLicenseDetail -UserId ${mailbox}`;
  if (disposition === "no-mailbox")
    return `Make the mailbox, or correct the address: Get-Mailbox ${mailbox}; New-Mailbox -Shared -Name "Third-party data" -PrimarySmtpAddress ${mailbox}. Where there is such a user, give it a licence: Get-MgUserLicenseDetail -UserId ${mailbox}`;
  if (code === "ErrorFolderNotFound" || code === "ErrorAccessDenied") {
    return `Allow the account to enter: Add-MailboxPermission ${mailbox} -User <account> -AccessRights FullAccess, or let it impersonate: New-ManagementRoleAssignment -Role ApplicationImpersonation -User <account>`;
  }
  return remedy;
}

/** EWS does not tell whether a mailbox is on hold. What counts is an administrator's word and its date, until something is gone. */
async function holdFindings({ keepings, routing }: CheckContext): Promise<Finding[]> {
  if ((routing?.folder.kind ?? "purges") !== "purges") return [];
  const signal = AbortSignal.timeout(60_000);
  const kept = await keepings.findings(MOST_LOOKS, signal);
  return [...keepings.holds.findings(routing && `the Inbox of ${routing.thirdPartyMailbox}`), ...kept];
}

async function duplicates(doubts: Doubts): Promise<Finding[]> {
  let count: number;
  try {
    count = await doubts.lookAgain(AbortSignal.timeout(60_000));
  } catch (error) {
    if (!isHansardError(error)) throw error;
    const remedy = "Mend what the other findings say, then run `hansard check` again.";
    return [{ level: "warning", message: `Duplicates could not be looked for: ${error.message}`, remedy }];
  }
  if (count === 0) return [];
  return [
    {
      level: "warning",
      message: `${count} messages were found more than once, since the server stored them later than \`settleMs\`.`,
      remedy: "Raise `settleMs`. The file duplicates.jsonl in the destination's folder names them.",
    },
  ];
}
