import { Secret } from "@hansard/core";
import { z } from "zod";
import { isPlainAddress } from "./address.ts";

const Address = z
  .string()
  .refine(isPlainAddress, "This must be a plain mail address, such as journal@archive.example.");
const TEN_MINUTES_MS = 10 * 60 * 1000;

function secret(description: string) {
  return z
    .string()
    .min(1)
    .meta({ secret: true, description })
    .transform((value) => new Secret(value));
}

const user = z.string().min(1).describe("The account at the SMTP server, such as the mailbox that it sends as.");

export const SignIn = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("password"), user, password: secret("The account's password.") }),
  z.strictObject({
    method: z.literal("access-token"),
    user,
    accessToken: secret("An OAuth access token. It is not renewed; for longer than an hour use `client-credentials`."),
  }),
  z.strictObject({
    method: z.literal("client-credentials"),
    user,
    tokenUrl: z
      .url({ protocol: /^https?$/ })
      .refine(
        (url) => url.startsWith("https:") || ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname),
        "Secrets go over https only; http is for a server on this machine.",
      )
      .describe("Where the application fetches its access tokens."),
    clientId: z.string().min(1).describe("The application's id."),
    clientSecret: secret("The application's secret."),
    scope: z.string().default("https://outlook.office365.com/.default").describe("The scope that is asked for."),
  }),
]);
export type SignIn = z.infer<typeof SignIn>;

export const Settings = z.strictObject({
  preset: z
    .enum(["exchange", "globalrelay", "enterprise-vault", "generic"])
    .describe(
      "What the archive expects. `exchange`: an envelope journal report with the message attached unaltered. `globalrelay`, `enterprise-vault`, `generic`: the message itself, with header fields that name its source.",
    ),
  host: z.string().min(1).describe("The archive's SMTP server."),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .default(25)
    .describe("Its port: 25 or 587 for STARTTLS, 465 for TLS from the start."),
  tls: z
    .enum(["starttls", "implicit", "none"])
    .default("starttls")
    .describe(
      "`starttls`: required before anything is sent; `implicit`: TLS from the start; `none`: for a server on this machine only.",
    ),
  caFile: z.string().optional().describe("A PEM file with the authorities to trust instead of the system's."),
  serverName: z.string().optional().describe("The name that the certificate must have, where it differs from `host`."),
  clientName: z
    .string()
    .regex(/^[A-Za-z0-9.[\]:-]+$/)
    .optional()
    .describe("The name that Hansard gives in EHLO. Absent: this machine's."),
  signIn: SignIn.optional().describe("How Hansard signs in. Absent: the archive knows it by its address."),
  recipient: z
    .union([z.literal("mailbox"), Address])
    .describe("The archive's journaling address; or `mailbox`: each message goes to the address of its own mailbox."),
  sender: z
    .union([z.literal(""), Address])
    .default("")
    .describe("MAIL FROM: where bounces go. Empty: `<>`, so that nothing bounces."),
  reportFrom: Address.optional().describe(
    "`exchange` only: the From of the report. Absent: `sender`, else `recipient`.",
  ),
  headers: z
    .record(z.string().regex(/^X-[A-Za-z0-9-]{1,74}$/), z.string().regex(/^[\x20-\x7e]{0,900}$/))
    .default({})
    .describe(
      "Header fields to add to the preset's or to put in their place; an empty text removes one. {source}, {event}, {messageClass} and {mailbox} are filled in; within XML they are escaped.",
    ),
  archiveId: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/)
    .optional()
    .describe(
      "`enterprise-vault` only: the archive that takes the messages (X-Kvs-ArchiveId). Absent: that of the recipient.",
    ),
  connections: z.int().min(1).max(50).default(2).describe("How many connections may be open at once."),
  messagesPerConnection: z
    .int()
    .min(1)
    .optional()
    .describe("How many messages one connection carries. Absent: 400 for `globalrelay`, else 100."),
  messageBytes: z
    .int()
    .positive()
    .optional()
    .describe(
      "The largest mail that the archive takes, in bytes. Absent: 250,000,000 for `globalrelay`, else 36,000,000.",
    ),
  settleMs: z
    .int()
    .min(TEN_MINUTES_MS)
    .default(TEN_MINUTES_MS)
    .describe(
      "How long after a broken connection a message may still be delivered, in milliseconds; at least ten minutes.",
    ),
  timeoutMs: z
    .int()
    .positive()
    .default(TEN_MINUTES_MS)
    .describe("How long the server may be silent, in milliseconds. RFC 5321 asks for ten minutes after the final dot."),
});
export type Settings = z.infer<typeof Settings>;
