import type { Finding } from "@hansard/core";
import { usesPurges } from "./check-holds.ts";
import { userPath } from "./deliver.ts";
import { type Failure, GraphFailure } from "./failure.ts";
import type { Submission } from "./submit.ts";

/** Whether a mailbox is there, active, and open to the application. */
export async function checkMailbox(
  mailbox: string,
  roles: string[],
  work: Submission,
  signal: AbortSignal,
): Promise<Finding[]> {
  const { client, cloud } = work;
  const inbox = await failureOf(() =>
    client.call({ method: "GET", path: `${userPath(mailbox)}/mailFolders/inbox?$select=id`, mailbox }, signal),
  );
  if (inbox !== undefined) return [findingOf(inbox, mailbox, roles)];
  const ok: Finding = { level: "ok", message: `The mailbox ${mailbox} is there and open to the application.` };
  if (!cloud.hasPermanentDelete || !usesPurges(work)) return [ok];
  const purges = await failureOf(() =>
    client.call(
      {
        method: "GET",
        path: `${userPath(mailbox)}/mailFolders/recoverableitemspurges/messages?$top=1&$select=id`,
        mailbox,
      },
      signal,
    ),
  );
  if (purges === undefined) return [ok, { level: "ok", message: `Purges of ${mailbox} can be looked into.` }];
  return [
    ok,
    {
      level: "warning",
      message: `Purges of ${mailbox} cannot be looked into (${purges.reason}), so that after a crash a message may be delivered there a second time.`,
      remedy: "Deliver to a visible folder or to the inbox, or accept it.",
    },
  ];
}

async function failureOf(work: () => Promise<unknown>): Promise<Failure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof GraphFailure) return error.failure;
    throw error;
  }
}

function findingOf({ kind, code, reason, remedy }: Failure, mailbox: string, roles: string[]): Finding {
  if (/mailboxnotenabled/i.test(code)) {
    return {
      level: "error",
      message: `${mailbox} has no active mailbox in Exchange Online: it lacks a licence, was deleted, or is hosted on-premises. ${reason}`,
      remedy: `Give it a licence with Exchange Online, or make it a shared mailbox: Set-MgUserLicense -UserId ${mailbox}; see it with Get-EXOMailbox -Identity ${mailbox}`,
    };
  }
  if (kind === "no-mailbox") {
    return {
      level: "error",
      message: `There is no user ${mailbox}. ${reason}`,
      remedy: `Create it: New-Mailbox -Shared -Name "Third-party data" -PrimarySmtpAddress ${mailbox}`,
    };
  }
  if (kind !== "misconfigured" && kind !== "token")
    return {
      level: "error",
      message: `The mailbox ${mailbox} could not be opened. ${reason}`,
      remedy: remedy ?? "Run the check again; it may pass.",
    };
  if (roles.includes("Mail.ReadWrite")) {
    return {
      level: "error",
      message: `The application has Mail.ReadWrite, but its scope leaves ${mailbox} out. ${reason}`,
      remedy: `Widen the management scope or the access policy: Test-ServicePrincipalAuthorization -Identity <application id> -Resource ${mailbox}; Set-ManagementScope; Get-ApplicationAccessPolicy`,
    };
  }
  return {
    level: "error",
    message: `The application may not write to ${mailbox}: it has no Mail.ReadWrite in its token, and no role that reaches this mailbox. ${reason}`,
    remedy:
      'Consent to Mail.ReadWrite (New-MgServicePrincipalAppRoleAssignment … -AppRoleId e2a3a72e-5f79-4c64-b1b1-878b674786c9), or assign the role within a scope: New-ManagementRoleAssignment -App <service principal> -Role "Application Mail.ReadWrite" -CustomResourceScope <scope>',
  };
}
