import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, unwatchFile, watchFile, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { FAULT_NAMES } from "./faults.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";
import type { MailboxSettings } from "./store-types.ts";

/** What the command line hands over. */
export interface ServeOptions {
  /** Where mail and configuration are kept. It is made where it does not exist. */
  folder: string;
  /** Absent: 8365. */
  port?: number;
  /** Absent: 127.0.0.1, which nobody else reaches. */
  host?: string;
  /** A JSON file. Absent: `server.json` in the folder, which is written at the first start. */
  configurationFile?: string;
  /** Told a sentence when the file's faults or mailboxes change while the server runs. */
  onChange?: (sentence: string) => void;
}

export interface Served {
  url: string;
  configurationFile: string;
  server: IngestionServer;
  close(): Promise<void>;
}

const FaultSettings = z.strictObject({
  rate: z.number().min(0).max(1),
  ms: z.number().nonnegative().optional(),
  mailboxes: z.array(z.string()).optional(),
  writesOnly: z.boolean().optional(),
  times: z.int().positive().optional(),
});
const Mailbox = z.strictObject({
  address: z.email(),
  displayName: z.string().optional(),
  proxyAddresses: z.array(z.string()).optional(),
  employeeId: z.string().optional(),
  hasMailbox: z.boolean().optional(),
  onHold: z.boolean().optional(),
  quotaBytes: z.number().nonnegative().optional(),
  folderItems: z.int().positive().optional(),
});
const Application = z.strictObject({
  clientId: z.string().min(1),
  secret: z.string().optional(),
  certificate: z.string().optional(),
  permissions: z.array(z.string()),
  mailboxes: z.array(z.string()).optional(),
});
const Account = z.strictObject({
  user: z.string(),
  password: z.string(),
  mailbox: z.string().optional(),
  mayImpersonate: z.boolean().optional(),
  fullAccess: z.union([z.literal("all"), z.array(z.string())]).optional(),
  isAdministrator: z.boolean().optional(),
});
const Configuration = z.strictObject({
  tenant: z.strictObject({ id: z.string(), domain: z.string() }),
  applications: z.array(Application).min(1),
  mailboxes: z.array(Mailbox),
  accounts: z.array(Account).default([]),
  /** For the partner ingestion service. Absent: there is none. */
  thirdPartyMailbox: z.email().optional(),
  faults: z.partialRecord(z.enum(FAULT_NAMES), FaultSettings).default({}),
});
type Configuration = z.infer<typeof Configuration>;

const PORT = 8365;
const LOOK_AGAIN_MS = 1000;

/** Runs the service from a configuration file; its mailboxes and faults follow the file while the server runs. */
export async function serve(options: ServeOptions): Promise<Served> {
  const {
    folder,
    port = PORT,
    host,
    configurationFile = join(folder, "server.json"),
    onChange = () => undefined,
  } = options;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(configurationFile))
    writeFileSync(configurationFile, `${JSON.stringify(firstConfiguration(), undefined, 2)}\n`, { mode: 0o600 });
  const begun = read(configurationFile);
  const { accounts, thirdPartyMailbox, tenant, applications, mailboxes, faults } = begun;
  const server = await openIngestionServer({
    folder,
    port,
    ...(host !== undefined && { host }),
    tenant,
    applications: applications.map(defined),
    mailboxes: mailboxes.map((mailbox): MailboxSettings => defined(mailbox)),
    ews: { accounts: accounts.map(defined), ...(thirdPartyMailbox !== undefined && { thirdPartyMailbox }) },
  });
  applyFaults(server, faults);
  watchFile(configurationFile, { interval: LOOK_AGAIN_MS, persistent: false }, () =>
    onChange(follow(server, configurationFile, begun)),
  );
  return {
    url: server.url,
    configurationFile,
    server,
    close() {
      unwatchFile(configurationFile);
      return server.close();
    },
  };
}

function follow(server: IngestionServer, file: string, begun: Configuration): string {
  try {
    const { mailboxes, faults, ...others } = read(file);
    for (const mailbox of mailboxes) server.store.setMailbox(defined(mailbox));
    server.faults.clear();
    applyFaults(server, faults);
    const { mailboxes: _, faults: __, ...before } = begun;
    const stale = isDeepStrictEqual(others, before) ? "" : " Start the server again for what else has changed.";
    return `${file} has changed: ${mailboxes.length} mailboxes, faults: ${Object.keys(faults).join(", ") || "none"}.${stale}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function applyFaults({ faults }: IngestionServer, settings: Configuration["faults"]): void {
  for (const name of FAULT_NAMES) {
    const fault = settings[name];
    if (fault !== undefined) faults.set(name, defined(fault));
  }
}

function read(file: string): Configuration {
  const parsed = Configuration.safeParse(parsedJson(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(
    `${file} is not valid at ${issue?.path.join(".") ?? "its beginning"}: ${issue?.message ?? ""}. Correct it, or remove the file to have it written anew.`,
  );
}

function parsedJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(
      `${file} is no JSON: ${error instanceof Error ? error.message : String(error)}. Correct it there.`,
      {
        cause: error,
      },
    );
  }
}

function firstConfiguration(): Configuration {
  const domain = "contoso.example";
  return {
    tenant: { id: randomUUID(), domain },
    applications: [
      {
        clientId: randomUUID(),
        secret: randomBytes(24).toString("base64url"),
        permissions: ["Mail.ReadWrite", "User.Read.All", "full_access_as_app"],
      },
    ],
    mailboxes: ["third-party", "alice", "bob"].map((name) => ({ address: `${name}@${domain}` })),
    accounts: [],
    faults: {},
  };
}

/** Without what is undefined, since absent and undefined are two things here. */
function defined<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [Key in keyof Value]: Exclude<Value[Key], undefined>;
  };
}
