import { type Finding, isHansardError } from "@hansard/core";
import { z } from "zod";
import { certificateFindings } from "./check-certificate.ts";
import { checkHolds, checkKept } from "./check-holds.ts";
import { checkMailbox } from "./check-mailbox.ts";
import { probeClass } from "./check-probe.ts";
import { findDuplicates } from "./duplicates.ts";
import { GraphFailure } from "./failure.ts";
import type { Tokens } from "./sign-in.ts";
import type { Submission } from "./submit.ts";

const CHECK_MS = 5 * 60 * 1000;
const Claims = z.object({ roles: z.array(z.string()).default([]) });

/** Looks at everything that an application can see of its own set-up. */
export async function check(work: Submission, tokens: Tokens): Promise<Finding[]> {
  const signal = AbortSignal.timeout(CHECK_MS);
  const certificate = await certificateFindings(work.context.settings);
  const signIn = await checkSignIn(tokens);
  if (signIn.roles === undefined) return [...certificate, ...signIn.findings];
  const { settings, routing } = work.context;
  const mailboxes = new Set([routing?.thirdPartyMailbox, settings.probeMailbox].flatMap((mailbox) => mailbox ?? []));
  const findings = [...certificate, ...signIn.findings, ...(await checkDirectory(work, signal))];
  for (const mailbox of mailboxes) findings.push(...(await checkMailbox(mailbox, signIn.roles, work, signal)));
  findings.push(...checkHolds(work), ...(await checkKept(work, signal)), ...(await checkDuplicates(work, signal)));
  const isReady = !findings.some(({ level }) => level === "error");
  if (settings.probeMailbox !== undefined && isReady)
    findings.push(...(await probeClass(settings.probeMailbox, work, signal)));
  return findings;
}

async function checkSignIn(tokens: Tokens): Promise<{ findings: Finding[]; roles?: string[] }> {
  try {
    const roles = rolesOf(await tokens.get());
    return {
      findings: [
        {
          level: "ok",
          message: `Signed in; the token names ${roles.length === 0 ? "no permissions" : roles.join(", ")}.`,
        },
      ],
      roles,
    };
  } catch (error) {
    if (!isHansardError(error)) throw error;
    const { message, remedy = "See that the sign-in address can be reached from here." } = error;
    return { findings: [{ level: "error", message, remedy }] };
  }
}

/** Permissions of role-based access control do not stand in the token. */
function rolesOf(token: string): string[] {
  try {
    return Claims.parse(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).roles;
  } catch {
    return [];
  }
}

async function checkDirectory({ client }: Submission, signal: AbortSignal): Promise<Finding[]> {
  try {
    await client.call({ method: "GET", path: "/users?$top=1&$select=mail" }, signal);
    return [{ level: "ok", message: "The directory can be read." }];
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error;
    const { kind, reason } = error.failure;
    const remedy =
      kind === "misconfigured" || kind === "token"
        ? "Give the application User.Read.All and consent: New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId <application's> -PrincipalId <application's> -ResourceId <Microsoft Graph's> -AppRoleId df021288-bdef-4463-88db-98f22de89214"
        : "See that Graph can be reached from here.";
    return [{ level: "error", message: `The directory cannot be read: ${reason}`, remedy }];
  }
}

async function checkDuplicates(work: Submission, signal: AbortSignal): Promise<Finding[]> {
  const duplicates = await findDuplicates(work.ledger, work, signal).catch((error: unknown) => error);
  if (!Array.isArray(duplicates))
    return [
      {
        level: "warning",
        message: `It could not be looked for duplicates: ${String(duplicates)}`,
        remedy: "Run the check again.",
      },
    ];
  if (duplicates.length === 0)
    return [{ level: "ok", message: "No message whose answer was ambiguous is there twice." }];
  return duplicates.map(({ mailbox, messageId, itemIds }) => ({
    level: "warning",
    message: `${mailbox} has the message ${messageId} ${itemIds.length} times: the destination committed later than settleMs allows for.`,
    remedy: `Raise settleMs. The copies are ${itemIds.join(", ")}; all but the first can be removed: Remove-MgUserMessage -UserId ${mailbox} -MessageId <id>`,
  }));
}
