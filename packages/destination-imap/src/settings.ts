import { Secret } from "@hansard/core";
import { z } from "zod";

function secret(description: string) {
  return z
    .string()
    .min(1)
    .meta({ secret: true, description })
    .transform((value) => new Secret(value));
}

export const SignIn = z.discriminatedUnion("method", [
  z.strictObject({
    method: z.literal("password"),
    user: z.string().min(1).describe("The account: the shared one, or the one that may act for every mailbox."),
    password: secret("The account's password."),
  }),
  z.strictObject({
    method: z.literal("access-token"),
    user: z.string().min(1).describe("The account that the token is for. A mailbox per user: not used."),
    accessToken: secret("An OAuth access token. It is not renewed; for longer than an hour use `client-credentials`."),
  }),
  z.strictObject({
    method: z.literal("client-credentials"),
    user: z.string().min(1).optional().describe("The shared account. A mailbox per user: not used."),
    tokenUrl: z.url({ protocol: /^https?$/ }).describe("Where the application fetches its access tokens."),
    clientId: z.string().min(1).describe("The application's id."),
    clientSecret: secret("The application's secret."),
    scope: z.string().default("https://outlook.office365.com/.default").describe("The scope that is asked for."),
  }),
]);
export type SignIn = z.infer<typeof SignIn>;

export const Layout = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("shared-account"),
    rootFolder: z
      .array(z.string().min(1))
      .default(["Archive"])
      .describe("The folder under which each mailbox gets a folder of its own, the outermost first."),
  }),
  z.strictObject({
    kind: z.literal("mailbox-per-user"),
    actAs: z
      .enum(["authorization-identity", "master-user"])
      .default("authorization-identity")
      .describe(
        "With a password: `authorization-identity` names the mailbox in SASL PLAIN; `master-user` signs in as `mailbox*account`, Dovecot's way. With a token the mailbox is the user.",
      ),
    separator: z.string().length(1).default("*").describe("What stands between mailbox and account for `master-user`."),
    loginName: z
      .enum(["address", "local-part"])
      .default("address")
      .describe("Whether a mailbox signs in by its whole address or by the part before the @."),
    probeMailbox: z
      .string()
      .min(1)
      .describe(
        "A mailbox that surely exists: `check` signs in to it, and it tells a missing mailbox from refused credentials.",
      ),
    missingMailboxCodes: z
      .array(z.string())
      .default(["AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"])
      .describe(
        "The response codes that mean a missing mailbox, provided that `probeMailbox` can be signed in to at that moment. Empty where the right to act is given for each mailbox: then a refusal always stops delivery.",
      ),
  }),
]);
export type Layout = z.infer<typeof Layout>;

export const Settings = z
  .strictObject({
    host: z.string().min(1).describe("The IMAP server."),
    port: z.int().min(1).max(65_535).default(993).describe("Its port: 993 for TLS from the start, 143 for STARTTLS."),
    tls: z
      .enum(["implicit", "starttls", "none"])
      .default("implicit")
      .describe(
        "`implicit`: TLS from the start; `starttls`: required before sign-in; `none`: for a server on this machine only.",
      ),
    caFile: z.string().optional().describe("A PEM file with the authorities to trust instead of the system's."),
    serverName: z
      .string()
      .optional()
      .describe("The name that the certificate must have, where it differs from `host`."),
    signIn: SignIn.describe("How Hansard signs in."),
    layout: Layout.describe("Where each person's messages go."),
    purgesFolder: z
      .array(z.string().min(1))
      .min(1)
      .default(["Recoverable Items", "Purges"])
      .describe("The folder that stands for Recoverable Items/Purges. IMAP cannot hide it from the mailbox's owner."),
    markAsRead: z.boolean().default(true).describe("Whether messages arrive as read."),
    connections: z.int().min(1).max(50).default(4).describe("How many connections may be open at once."),
    messageBytes: z
      .int()
      .positive()
      .default(50_000_000)
      .describe("The largest message that the server takes, in bytes."),
    settleMs: z
      .int()
      .nonnegative()
      .default(60_000)
      .describe("How long after a broken connection a message may still appear, in milliseconds."),
    timeoutMs: z.int().positive().default(120_000).describe("How long the server may be silent, in milliseconds."),
  })
  .refine(({ layout, signIn }) => layout.kind !== "shared-account" || signIn.user !== undefined, {
    path: ["signIn", "user"],
    message: "A shared account needs `signIn.user`: the account's name.",
  });
export type Settings = z.infer<typeof Settings>;
