import { Secret } from "@hansard/core";
import { z } from "zod";

function secret(description: string) {
  return z
    .string()
    .min(1)
    .meta({ secret: true, description })
    .transform((value) => new Secret(value));
}

const application = {
  tenantId: z.string().min(1).describe("The tenant's id or one of its domains."),
  clientId: z.string().min(1).describe("The application's id."),
  authorityUrl: z
    .url({ protocol: /^https?$/ })
    .refine(
      (url) => url.startsWith("https:") || isLocal(url),
      "The authority is reached over https; http is for a server on this machine.",
    )
    .optional()
    .describe("Where the application signs in. Absent: the one of the cloud that `url` belongs to."),
  scope: z.string().optional().describe("The scope that is asked for. Absent: `.default` of the host in `url`."),
};

export const SignIn = z.discriminatedUnion("method", [
  z.strictObject({
    method: z.literal("client-secret"),
    ...application,
    clientSecret: secret("The application's secret."),
  }),
  z.strictObject({
    method: z.literal("certificate"),
    ...application,
    certificateFile: z.string().min(1).describe("A PEM file with the certificate that the application is known by."),
    privateKeyFile: z
      .string()
      .min(1)
      .describe("A PEM file with the certificate's private key, which this account alone can read."),
  }),
  z.strictObject({
    method: z.literal("access-token"),
    accessToken: secret(
      "An OAuth access token. It is not renewed; for longer than an hour let the application sign in.",
    ),
  }),
  z.strictObject({
    method: z.literal("basic"),
    user: z.string().min(1).describe("The account: `user@contoso.com` or `CONTOSO\\user`."),
    password: secret("The account's password."),
  }),
  z.strictObject({
    method: z.literal("ntlm"),
    user: z.string().min(1).describe("The account: `CONTOSO\\user` or `user@contoso.com`."),
    password: secret("The account's password."),
  }),
]);
export type SignIn = z.infer<typeof SignIn>;

const Holds = z.strictObject({
  confirmed: z
    .array(
      z.strictObject({
        mailboxes: z.union([z.literal("*"), z.array(z.email().transform((address) => address.toLowerCase()))]),
        on: z.union([z.iso.date(), z.iso.datetime({ offset: true })]).describe("The day, or the time with its offset."),
        by: z.string().min(1),
      }),
    )
    .describe("Which mailboxes an administrator saw to be on hold, when, and who."),
  validDays: z.int().min(1).default(30).describe("How long a confirmation counts."),
});

export const Settings = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .describe("The service: `https://mail.contoso.com/EWS/Exchange.asmx`, or the partner ingestion endpoint."),
    profile: z
      .enum(["exchange", "partner-ingestion"])
      .default("exchange")
      .describe(
        "`partner-ingestion`: the third-party ingestion service that Microsoft retired on 2024-12-30, for a service of the same kind at `url`.",
      ),
    signIn: SignIn.describe("How Hansard signs in."),
    impersonate: z
      .boolean()
      .default(true)
      .describe(
        "Whether to act as each mailbox's owner (ApplicationImpersonation, or an application). Otherwise the account needs FullAccess to each mailbox.",
      ),
    probeMailbox: z.email().optional().describe("A mailbox that surely exists, which `check` looks into."),
    caFile: z.string().optional().describe("A PEM file with the authorities to trust instead of the system's."),
    connections: z.int().min(1).max(27).default(10).describe("How many requests may be under way at once."),
    pace: z
      .strictObject({
        requests: z.int().positive().optional().describe("How many requests. Absent: any number."),
        bytes: z.int().positive().optional().describe("How many bytes of requests. Absent: any number."),
        windowMs: z.int().positive().default(600_000).describe("Within how long, in milliseconds."),
      })
      .optional()
      .describe(
        "What Hansard asks of one mailbox at most, or of the account where it does not impersonate. Absent: as much as the server bears; it says when that is too much.",
      ),
    batchItems: z.int().min(1).max(100).default(20).describe("How many messages one request carries at most."),
    batchBytes: z.int().min(1).default(15_000_000).describe("How many bytes of mail one request carries at most."),
    messageBytes: z
      .int()
      .positive()
      .default(35_000_000)
      .describe("The largest message that the organization takes, in bytes. Larger ones are split."),
    messageAttachments: z
      .int()
      .min(1)
      .default(250)
      .describe("The most attachments that a message may have. One with more is split."),
    holds: Holds.optional().describe(
      "The administrator's word that mailboxes are on hold. Without it nothing goes to Purges, but to the third-party data mailbox.",
    ),
    settleMs: z
      .int()
      .nonnegative()
      .default(60_000)
      .describe("How long after an ambiguous answer a message may still appear, in milliseconds."),
    timeoutMs: z.int().positive().default(120_000).describe("How long the server may take to answer, in milliseconds."),
    patienceMs: z
      .int()
      .nonnegative()
      .default(60_000)
      .describe(
        "The longest pause asked for by the server that is waited out at once; after a longer one it is tried at a later run.",
      ),
    markAsRead: z.boolean().default(true).describe("Whether messages arrive as read."),
    useAfterRetirement: z
      .boolean()
      .default(false)
      .describe("Whether to go on with EWS in Exchange Online after 2027-04-01, when Microsoft has switched it off."),
  })
  .refine(({ url }) => url.startsWith("https:") || isLocal(url), {
    path: ["url"],
    message: "Credentials go over https only; http is for a server on this machine.",
  })
  .refine(({ profile, impersonate }) => profile === "exchange" || impersonate, {
    path: ["impersonate"],
    message: "The partner ingestion profile has no such choice.",
  });
export type Settings = z.infer<typeof Settings>;

/** Whether the address is this machine's own. */
export function isLocal(url: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
}
