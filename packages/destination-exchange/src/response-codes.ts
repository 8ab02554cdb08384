/**
 * What a response code of EWS means for a message.
 * - `retry`: surely not stored, and it passes
 * - `smaller`: it passes when less is asked for at once
 * - `paused`: that mailbox takes nothing for a while
 * - `no-mailbox`: the message goes to the third-party data mailbox
 * - `misconfigured`: somebody must change permissions or settings
 * - `refused`: this message is never taken as it is
 * - `unknown`: it may have been stored
 * - `unprocessed`: another item of the batch ended it before this one's turn
 */
export type Disposition =
  | "retry"
  | "smaller"
  | "paused"
  | "no-mailbox"
  | "misconfigured"
  | "refused"
  | "unknown"
  | "unprocessed";

const CODES: Record<Disposition, string[]> = {
  unprocessed: ["ErrorBatchProcessingStopped"],
  retry: [
    "ErrorServerBusy",
    "ErrorExceededConnectionCount",
    "ErrorExceededSubscriptionCount",
    "ErrorTooManyObjectsOpened",
    "ErrorInternalServerTransientError",
    "ErrorMailboxStoreUnavailable",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxFailover",
    "ErrorConnectionFailed",
    "ErrorConnectionFailedTransientError",
    "ErrorInsufficientResources",
    "ErrorNotEnoughMemory",
    "ErrorADUnavailable",
    "ErrorADOperation",
    "ErrorNoRespondingCASInDestinationSite",
    "ErrorProxyRequestNotAllowed",
    "ErrorProxiedSubscriptionCallFailure",
    "ErrorProxyCallFailed",
    "ErrorSiteUnavailable",
    "ErrorRequestAborted",
    "ErrorRequestStreamTooBig",
  ],
  smaller: ["ErrorExceededBatchSize", "ErrorBatchSizeExceeded"],
  unknown: [
    "ErrorTimeoutExpired",
    "ErrorInternalServerError",
    "ErrorInternalServerFatalError",
    "ErrorIrresolvableConflict",
  ],
  paused: [
    "ErrorQuotaExceeded",
    "ErrorMessagePerFolderCountReceiveQuotaExceeded",
    "ErrorSubmissionQuotaExceeded",
    "ErrorFolderFull",
  ],
  "no-mailbox": [
    "ErrorNonExistentMailbox",
    "ErrorMissingEmailAddress",
    "ErrorInvalidSmtpAddress",
    "ErrorInvalidUserPrincipalName",
    "ErrorInvalidUserSid",
    "ErrorAccountDisabled",
    "ErrorInvalidLicense",
    "ErrorMailRecipientNotFound",
    "ErrorArchiveMailboxNotEnabled",
    "ErrorArchiveFolderPathCreation",
    "ErrorPrimarySmtpAddressUnavailable",
    "ErrorNonPrimarySmtpAddress",
    "ErrorADSessionFilter",
  ],
  misconfigured: [
    "ErrorImpersonateUserDenied",
    "ErrorImpersonationDenied",
    "ErrorImpersonationFailed",
    "ErrorImpersonationRequired",
    "ErrorAccessDenied",
    "ErrorCreateItemAccessDenied",
    "ErrorCreateSubfolderAccessDenied",
    "ErrorInvalidAuthorizationContext",
    "ErrorFolderNotFound",
    "ErrorInvalidServerVersion",
    "ErrorInvalidRequest",
    "ErrorMessageDispositionRequired",
    "ErrorTokenSerializationDenied",
    "ErrorNotAllowedExternalSharingByPolicy",
    "ErrorUnsupportedPathForQuery",
    "ErrorUnsupportedPathForSortGroup",
  ],
  refused: [
    "ErrorMimeContentInvalid",
    "ErrorMimeContentInvalidBase64String",
    "ErrorContentConversionFailed",
    "ErrorUnsupportedMimeConversion",
    "ErrorMessageSizeExceeded",
    "ErrorDataSizeLimitExceeded",
    "ErrorAttachmentSizeLimitExceeded",
    "ErrorAttachmentNestLevelLimitExceeded",
    "ErrorItemSave",
    "ErrorItemSavePropertyError",
    "ErrorInvalidExtendedProperty",
    "ErrorInvalidExtendedPropertyValue",
    "ErrorInvalidPropertySet",
    "ErrorInvalidPropertyRequest",
    "ErrorPropertyValidationFailure",
    "ErrorSchemaValidation",
    "ErrorVirusDetected",
    "ErrorVirusMessageDeleted",
    "ErrorCorruptData",
    "ErrorInvalidRecipients",
    "ErrorInvalidPropertyForOperation",
    "ErrorInvalidPropertySet",
    "ErrorInvalidPropertyAppend",
    "ErrorInvalidPropertyDelete",
    "ErrorInvalidValueForProperty",
    "ErrorObjectTypeChanged",
    "ErrorItemCorrupt",
    "ErrorValueOutOfRange",
  ],
};

const BY_CODE = new Map(
  Object.entries(CODES).flatMap(([disposition, codes]) => codes.map((code) => [code, disposition as Disposition])),
);

/** What is not known may have happened: it is looked for before it is written again. */
export function dispositionOf(code: string): Disposition {
  return BY_CODE.get(code) ?? "unknown";
}

const REMEDIES: Record<string, string> = {
  ErrorImpersonateUserDenied:
    'Let the account act for the mailboxes: New-ManagementRoleAssignment -Name "Hansard impersonation" -Role ApplicationImpersonation -User <account>. An application needs the permission full_access_as_app and an administrator\'s consent.',
  ErrorFolderNotFound:
    "See that the folder exists and that the account may write to it; for Purges the mailbox needs Recoverable Items, which every user's mailbox has.",
  ErrorQuotaExceeded:
    "Raise the mailbox's quota, for Recoverable Items with Set-Mailbox -RecoverableItemsQuota 100GB -RecoverableItemsWarningQuota 90GB, or enable its archive.",
  ErrorMessageSizeExceeded: "Set `messageBytes` to what the organization takes: larger messages are then split.",
  ErrorSchemaValidation:
    "Report it together with the server's Violation text: the request that Hansard wrote is not valid there.",
};
REMEDIES["ErrorImpersonationDenied"] = REMEDIES["ErrorImpersonateUserDenied"] ?? "";
REMEDIES["ErrorImpersonationFailed"] = REMEDIES["ErrorImpersonateUserDenied"] ?? "";

/** What to do about a code, for those that concern settings, permissions or the message itself. */
export function remedyOf(code: string): string {
  const known = REMEDIES[code];
  if (known) return known;
  return dispositionOf(code) === "misconfigured"
    ? "Correct the permissions of the account or application, then run `hansard check`."
    : "Look at the reason, mend the cause, then retry it from the quarantine.";
}
