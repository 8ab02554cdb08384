import { Secret } from "@hansard/core";
import { z } from "zod";

const secret = () =>
  z
    .string()
    .min(1)
    .meta({ secret: true })
    .transform((value) => new Secret(value));

const UserId = z.string().regex(/^\d{1,19}$/, "Name an account by its numeric id, since handles change hands.");

const OAuth1 = z.object({
  appKey: secret().describe("The app's API key"),
  appSecret: secret().describe("The app's API key secret"),
  accessToken: secret().describe("The account's access token"),
  accessSecret: secret().describe("The account's access token secret"),
});

const Account = z.object({
  id: UserId.describe("The account's numeric id"),
  streams: z
    .array(z.enum(["posts", "mentions", "likes", "directMessages"]))
    .min(1)
    .default(["posts", "mentions"])
    .describe("What to archive of the account"),
  refreshToken: secret()
    .optional()
    .describe("The refresh token of the account's OAuth 2 consent; it is used once and then replaced by the connector"),
  oauth1: OAuth1.optional().describe("OAuth 1.0a tokens of the account, instead of OAuth 2"),
});
export type Account = z.infer<typeof Account>;

const Archive = z.object({
  accountId: UserId.describe("The account that the archive belongs to"),
  path: z.string().min(1).describe("Where the downloaded zip lies"),
});
export type Archive = z.infer<typeof Archive>;

function price(usd: number) {
  return z.number().nonnegative().default(usd);
}

/** US dollars for each resource that is read. */
export const Prices = z.object({
  post: price(0.005).describe("A post of anybody"),
  ownedPost: price(0.001).describe("A post of the account that signs in itself"),
  user: price(0.01).describe("An account's profile"),
  directMessage: price(0.01).describe("A direct message"),
  like: price(0.001).describe("A like that was given"),
});
export type Prices = z.infer<typeof Prices>;

export const Settings = z
  .object({
    bearerToken: secret().optional().describe("The app's Bearer token, for public posts"),
    clientId: z.string().min(1).optional().describe("The OAuth 2 client id of the app"),
    clientSecret: secret().optional().describe("The OAuth 2 client secret, for a confidential client"),
    accounts: z.array(Account).default([]).describe("The accounts to archive"),
    archives: z.array(Archive).default([]).describe("Downloaded account archives to read for history"),
    encryptedChats: z
      .boolean()
      .default(true)
      .describe(
        "Look for encrypted conversations of accounts whose direct messages are archived: their ciphertext is kept, and each is reported as a gap",
      ),
    fullArchiveSearch: z
      .boolean()
      .default(false)
      .describe("Search for posts older than the newest 3,200; needs the Bearer token"),
    compliance: z
      .boolean()
      .default(false)
      .describe("Ask for deletions of all captured posts by a monthly batch compliance job"),
    overlapMinutes: z
      .number()
      .int()
      .min(1)
      .max(10_080)
      .default(60)
      .describe("How far each read reaches back before the last one"),
    rescanDays: z
      .number()
      .int()
      .min(0)
      .max(30)
      .default(2)
      .describe("How far back the daily second look reaches; 0: none"),
    deletionDays: z
      .number()
      .int()
      .min(0)
      .max(365)
      .default(30)
      .describe("For how many days posts are looked up daily to see deletions; 0: never"),
    mediaMaxBytes: z.number().int().positive().default(1_073_741_824).describe("The largest file to fetch"),
    prices: Prices.prefault({}).describe("US dollars for each resource read, to show the cost of a run beforehand"),
    noticeUsd: z
      .number()
      .nonnegative()
      .default(1)
      .describe("A read that may cost this many US dollars or more is announced before it begins; 0: every read"),
    apiUrl: z.url().default("https://api.x.com").describe("Where the API is, for a proxy"),
    mediaHosts: z
      .array(z.string().min(1))
      .default(["pbs.twimg.com", "video.twimg.com", "ton.twitter.com"])
      .describe("The hosts that files are fetched from"),
  })
  .superRefine((settings, issues) => {
    if (settings.accounts.length + settings.archives.length === 0) {
      issues.addIssue({ code: "custom", path: ["accounts"], message: "Name at least one account or archive." });
    }
    for (const [index, account] of settings.accounts.entries()) {
      const own = account.refreshToken !== undefined || account.oauth1 !== undefined;
      if (account.refreshToken && !settings.clientId) {
        issues.addIssue({
          code: "custom",
          path: ["clientId"],
          message: "A refresh token needs the client id of the app that it was given to.",
        });
      }
      if (account.streams.includes("directMessages") && !own) {
        issues.addIssue({
          code: "custom",
          path: ["accounts", index],
          message: "Direct messages need the account's own refreshToken or oauth1.",
        });
      }
      if (!own && !settings.bearerToken) {
        issues.addIssue({
          code: "custom",
          path: ["accounts", index],
          message: "Give the account a refreshToken or oauth1, or set the app's bearerToken.",
        });
      }
    }
    for (const need of ["fullArchiveSearch", "compliance"] as const) {
      if (settings[need] && !settings.bearerToken) {
        issues.addIssue({
          code: "custom",
          path: ["bearerToken"],
          message: `${need} works with the app's Bearer token only.`,
        });
      }
    }
  });
export type Settings = z.infer<typeof Settings>;

/** A walk from the newest item backwards that has not yet reached the old mark. */
const Walk = z.object({
  /** What the mark becomes when the walk is done. */
  newest: z.string().optional(),
  /** The id down to which the walk goes. Absent: to the end. */
  floor: z.string().optional(),
  /** Everything from here on up to `newest` is in the journal. */
  untilId: z.string().optional(),
  token: z.string().optional(),
  /** For encrypted conversations: the one that is walked through. */
  conversation: z.string().optional(),
  phase: z.enum(["timeline", "search"]).default("timeline"),
  /** How many items the walk has met. */
  count: z.number().int().nonnegative().default(0),
  /** Whether this is the day's deeper look. */
  rescan: z.boolean().default(false),
});
export type Walk = z.infer<typeof Walk>;

/** Where a partition stands. `mark`: the newest id up to which nothing is missing. */
export const Checkpoint = z.object({
  mark: z.string().optional(),
  walk: Walk.optional(),
  /** The account's number of posts at the last read, from which the cost of the next is foretold. */
  postCount: z.number().int().optional(),
  /** For an account archive: the file and the item in it to go on with. */
  file: z.number().int().optional(),
  item: z.number().int().optional(),
  /** Encrypted conversations, each with its own mark. */
  conversations: z.record(z.string(), z.string()).optional(),
  /** Whether there is a gap because X does not tell them. */
  isUntold: z.boolean().optional(),
  /** For the daily look-up: the key to go on after. */
  after: z.string().optional(),
  /** For the look-ups: those that are owed already. */
  owed: z.array(z.enum(["recheck", "compliance"])).optional(),
});
export type Checkpoint = z.infer<typeof Checkpoint>;
