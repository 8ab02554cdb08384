import { Secret } from "@hansard/core";
import { z } from "zod";

function secret(description: string) {
  return z
    .string()
    .min(1)
    .meta({ secret: true, description })
    .transform((value) => new Secret(value));
}

const Address = z.email().transform((address) => address.toLowerCase());

export const SignIn = z.discriminatedUnion("method", [
  z.strictObject({
    method: z.literal("client-secret"),
    clientSecret: secret("The value of the application's client secret, not its id."),
  }),
  z.strictObject({
    method: z.literal("certificate"),
    certificateFile: z
      .string()
      .min(1)
      .describe("A PEM file with the certificate that was uploaded to the application."),
    privateKeyFile: z.string().min(1).describe("A PEM file with its private key, in PKCS #8."),
    passphrase: secret("The private key's passphrase, where it has one.").optional(),
    sendChain: z
      .boolean()
      .default(false)
      .describe("Whether the certificate goes along, for sign-in by subject name and issuer."),
  }),
  z.strictObject({
    method: z.literal("federated"),
    assertionFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        "A file with a token of a trusted issuer; it is read again each time. Absent: where AZURE_FEDERATED_TOKEN_FILE says.",
      ),
    managedIdentityClientId: z
      .string()
      .min(1)
      .optional()
      .describe("The user-assigned managed identity whose token is the assertion, in place of a file."),
  }),
  z.strictObject({
    method: z.literal("managed-identity"),
    userAssignedClientId: z.string().min(1).optional().describe("Absent: the system-assigned identity."),
  }),
]);
export type SignIn = z.infer<typeof SignIn>;

const Pace = z
  .strictObject({
    concurrency: z.int().min(1).max(4).default(4).describe("Requests under way at once."),
    requests: z.int().positive().default(10_000).describe("Requests within the window."),
    requestsWindowMs: z.int().positive().default(600_000),
    uploadBytes: z
      .int()
      .positive()
      .default(150 * 1024 * 1024)
      .describe("Bytes written within the window."),
    uploadWindowMs: z.int().positive().default(300_000),
  })
  .prefault({});
export type Pace = z.infer<typeof Pace>;

const Holds = z.strictObject({
  confirmed: z
    .array(
      z.strictObject({
        mailboxes: z.union([z.literal("*"), z.array(Address)]),
        on: z
          .union([z.iso.date(), z.iso.datetime({ offset: true })])
          .describe("The day, or the time with its offset: it must be after a loss that was noticed."),
        by: z.string().min(1),
      }),
    )
    .describe("Which mailboxes an administrator saw to be on hold, when, and who."),
  validDays: z.int().min(1).default(30).describe("How long a confirmation counts."),
});

export const Settings = z.strictObject({
  tenantId: z.string().min(1).describe("The tenant's id or one of its domains."),
  clientId: z
    .string()
    .min(1)
    .default("managed-identity")
    .describe("The application's id. Not needed for a managed identity."),
  signIn: SignIn.describe("How Hansard signs in."),
  cloud: z
    .enum(["global", "gcc-high", "dod", "china"])
    .default("global")
    .describe("The cloud that the tenant is in. GCC is in the global one."),
  authorityUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where tokens are fetched, in place of the cloud's own."),
  graphUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where Graph is, in place of the cloud's own."),
  proxyUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("An HTTP proxy for all requests."),
  caFile: z.string().optional().describe("A PEM file with the authorities to trust instead of the system's."),
  stagingFolder: z
    .string()
    .min(1)
    .default("Hansard staging")
    .describe("The hidden folder in which messages are completed before they are moved."),
  messageFlags: z
    .int()
    .nonnegative()
    .default(4)
    .describe("The value of 0x0E07 at creation. Anything without 8 is no draft."),
  markAsRead: z.boolean().default(true).describe("Whether messages arrive as read."),
  category: z.string().min(1).optional().describe("A category that each message gets, such as `Archive`."),
  messageBytes: z
    .int()
    .positive()
    .default(214_000_000)
    .describe(
      "The largest message, as mail, in bytes. A file of 150 MB, Graph's limit, makes a mail of 215 MB. Larger ones are split.",
    ),
  messageAttachments: z
    .int()
    .min(3)
    .default(250)
    .describe("The most attachments that Exchange Online takes in a message. One with more is split."),
  employeeIdAttribute: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9/]*$/)
    .nullable()
    .default("employeeId")
    .describe("The user property by which a person's id without an @ is found. `null`: none."),
  directoryMaxAgeMs: z.int().positive().default(3_600_000).describe("How long an answer of the directory counts."),
  folderItems: z
    .int()
    .positive()
    .default(900_000)
    .describe(
      "How many messages a folder of the third-party data mailbox gets before the next one begins. Exchange allows 1,000,000.",
    ),
  holds: Holds.optional().describe(
    "The administrator's word that mailboxes are on hold. Without it nothing goes to Purges, but to the third-party data mailbox.",
  ),
  probeMailbox: Address.optional().describe(
    "A test mailbox: `check` writes a message to it, reads it back and removes it.",
  ),
  pace: Pace.describe("Microsoft's limits for one application and one mailbox."),
  connections: z.int().min(1).max(256).default(32).describe("How many requests may be under way at once, in all."),
  patienceMs: z
    .int()
    .nonnegative()
    .default(30_000)
    .describe("How long a delivery waits for its turn before it is put off."),
  settleMs: z
    .int()
    .nonnegative()
    .default(120_000)
    .describe("How long after an ambiguous answer a message may still appear, in milliseconds."),
  timeoutMs: z.int().positive().default(100_000).describe("How long an answer may take, in milliseconds."),
  readBackShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe("The share of delivered messages that is read back and compared."),
});
export type Settings = z.infer<typeof Settings>;
