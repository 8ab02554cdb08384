import { Secret } from "@hansard/core";
import { z } from "zod";

const Credential = z
  .string()
  .min(1)
  .meta({ secret: true })
  .transform((value) => new Secret(value));

const Address = z
  .url({ protocol: /^https?$/ })
  .refine(
    (value) => value.startsWith("https:") || isLoopback(value),
    "Use https: credentials would travel in the clear.",
  )
  .transform((value) => value.replace(/\/+$/, ""));

const SignIn = z.discriminatedUnion("method", [
  z.object({
    method: z.literal("jwt").describe("Signs in with a certificate (OAuth 2.0 JWT bearer flow). Nothing expires."),
    username: z.string().min(1).describe("The integration user's username."),
    privateKey: Credential.describe("The PEM private key whose certificate the connected app holds."),
    audience: z
      .string()
      .min(1)
      .optional()
      .describe(
        "The token's audience. Absent: https://test.salesforce.com for a sandbox's My Domain, https://login.salesforce.com for another My Domain, else the sign-in address.",
      ),
  }),
  z.object({
    method: z.literal("refresh-token").describe("Signs in with a refresh token that was obtained once in a browser."),
    refreshToken: Credential.describe("A refresh token of the integration user."),
    clientSecret: Credential.optional().describe("The connected app's consumer secret, where the app requires one."),
  }),
]);
export type SignIn = z.output<typeof SignIn>;

export const Settings = z
  .object({
    loginUrl: Address.default("https://login.salesforce.com").describe(
      "Where to sign in: https://login.salesforce.com, https://test.salesforce.com for a sandbox, or the My Domain address.",
    ),
    clientId: z.string().min(1).optional().describe("The connected app's consumer key."),
    signIn: SignIn.optional().describe("How to sign in. Absent: nothing is read live."),
    instanceUrl: Address.optional().describe(
      "The organization's address, where it differs from the one told at sign-in.",
    ),
    gatewayUrl: Address.optional().describe(
      "An encrypting gateway in front of Salesforce. All data is read through it, so that it arrives decrypted.",
    ),
    apiVersion: z
      .string()
      .regex(/^[4-9]\d\.0$/)
      .default("62.0")
      .describe("The version of the Salesforce API, such as 62.0."),
    apiShare: z
      .number()
      .min(0.01)
      .max(1)
      .default(0.5)
      .describe(
        "The share of the organization's daily API requests that may be used up, by everyone, before reading pauses.",
      ),
    overlapMinutes: z
      .number()
      .min(5)
      .max(1440)
      .default(60)
      .describe("How far each window reaches back into the one before."),
    sweepHours: z
      .number()
      .min(1)
      .max(720)
      .default(24)
      .describe("How often ids are compared with the archive, and likes and votes are read."),
    recentDays: z
      .number()
      .int()
      .min(1)
      .max(365)
      .default(30)
      .describe("How old a post may be for its likes, votes and files to be read again."),
    privateMessages: z.boolean().default(true).describe("Whether to read private messages."),
    maxFileBytes: z.number().int().min(1).default(2_147_483_648).describe("Larger files are named and not stored."),
    exportFolder: z
      .string()
      .min(1)
      .optional()
      .describe("A folder with the zip or CSV files of a data export, read once as back-fill."),
  })
  .refine(({ signIn, clientId }) => !signIn || clientId, {
    path: ["clientId"],
    message: "Give the connected app's consumer key.",
  })
  .refine(({ signIn, exportFolder }) => signIn || exportFolder, {
    path: ["signIn"],
    message: "Give a sign-in, an export folder, or both.",
  });
export type Settings = z.output<typeof Settings>;

/** A window over one object by one field, and how far its rows have been read. */
export const Walk = z.object({
  /** Everything before this is done. Absent: nothing is. */
  since: z.string().optional(),
  /** The end of the window being read. */
  until: z.string().optional(),
  /** The last row read in that window. */
  after: z.object({ id: z.string(), time: z.string() }).optional(),
});
export type Walk = z.infer<typeof Walk>;

export const Sweep = z.object({
  finishedAt: z.string().optional(),
  stage: z.enum(["ids", "recent"]).optional(),
  after: z.string().optional(),
});
export type Sweep = z.infer<typeof Sweep>;

export const Checkpoint = z.object({
  version: z.literal(1),
  /** When the first read began. Deletes before it are not ours to tell. */
  beganAt: z.string(),
  walks: z.record(z.string(), Walk).default({}),
  deletesTo: z.string().optional(),
  sweep: Sweep.default({}),
  /** Of the back-fill: table and rows done, of the export with this fingerprint. */
  export: z.object({ fingerprint: z.string(), table: z.number(), rows: z.number(), done: z.boolean() }).optional(),
});
export type Checkpoint = z.output<typeof Checkpoint>;

/** One record as Salesforce tells it, without the `attributes` that the API adds. */
export const Row = z.record(z.string(), z.json()).and(z.object({ Id: z.string().min(15) }));
export type Row = z.infer<typeof Row>;

export const DeletedRecords = z.object({
  deletedRecords: z.array(z.object({ id: z.string(), deletedDate: z.string() })),
  earliestDateAvailable: z.string().optional(),
  latestDateCovered: z.string().optional(),
});

export const Describe = z.object({
  fields: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      filterable: z.boolean(),
      sortable: z.boolean(),
      relationshipName: z.string().nullish(),
    }),
  ),
});

function isLoopback(address: string): boolean {
  return URL.canParse(address) && ["127.0.0.1", "localhost", "[::1]"].includes(new URL(address).hostname);
}
