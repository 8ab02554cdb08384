import { createHash } from "node:crypto";
import { AuthenticationError, UnavailableError } from "@hansard/core";
import SftpClient from "ssh2-sftp-client";
import type { Drop, DropEntry, Listing } from "./drop.ts";
import { FileProblem, reasonOf } from "./file-problem.ts";
import type { SftpSettings } from "./settings.ts";

const MAX_FOLDERS_DEEP = 8;

/** A folder of an SFTP server. The connection is made only when the server's key is one of those that are pinned. */
export async function openSftpFolder(settings: SftpSettings): Promise<Drop> {
  const client = new SftpClient("hansard", { error: () => {}, end: () => {}, close: () => {} });
  let offered: string | undefined;
  try {
    await client.connect({
      host: settings.host,
      port: settings.port,
      username: settings.user,
      readyTimeout: 30_000,
      keepaliveInterval: 15_000,
      ...(settings.privateKey && { privateKey: settings.privateKey.reveal() }),
      ...(settings.passphrase && { passphrase: settings.passphrase.reveal() }),
      ...(settings.password && { password: settings.password.reveal() }),
      hostVerifier: (key: Buffer) => {
        offered = fingerprint(key);
        return settings.hostKeys.includes(offered);
      },
    });
  } catch (error) {
    await client.end().catch(() => {});
    throw connectionError(settings, offered, error);
  }
  return {
    list: () => list(client, settings),
    read: (entry) => read(client, settings, entry),
    close: async () => void (await client.end()),
  };
}

/** A host key's fingerprint as OpenSSH prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function connectionError(
  { host, port, hostKeys, user }: SftpSettings,
  offered: string | undefined,
  cause: unknown,
): Error {
  if (offered !== undefined && !hostKeys.includes(offered)) {
    return new AuthenticationError(`The server ${host}:${port} shows the host key ${offered}, which is not pinned.`, {
      remedy:
        "Ask the source whether its key changed. Only if it confirms that very fingerprint, add it to `hostKeys`.",
      cause,
    });
  }
  if (/authentication|privateKey|passphrase|private key/i.test(reasonOf(cause))) {
    return new AuthenticationError(`The server ${host}:${port} refuses the user ${user}.`, {
      remedy:
        "Look whether the public key or password is the one registered with the source, and this address allowed.",
      cause,
    });
  }
  return new UnavailableError(`The server ${host}:${port} cannot be reached: ${reasonOf(cause)}.`, {
    remedy: "Look after the network, and whether the source allows this machine's address.",
    cause,
  });
}

async function list(client: SftpClient, settings: SftpSettings): Promise<Listing> {
  const listing: Listing = { entries: [], oddities: [] };
  try {
    await walk(client, settings.folder, "", 0, listing);
  } catch (error) {
    throw new UnavailableError(
      `The folder ${settings.folder} of ${settings.host} cannot be listed: ${reasonOf(error)}.`,
      {
        remedy: "Look whether the folder exists and the user may read it.",
        cause: error,
      },
    );
  }
  listing.entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  return listing;
}

async function walk(client: SftpClient, root: string, below: string, depth: number, listing: Listing): Promise<void> {
  for (const { name, type, size, modifyTime } of await client.list(`${root}/${below}`)) {
    if (name === "." || name === ".." || name.includes("/")) continue;
    const path = below === "" ? name : `${below}/${name}`;
    if (type === "d" && depth < MAX_FOLDERS_DEEP) await walk(client, root, path, depth + 1, listing);
    else if (type === "-") listing.entries.push({ path, size, mtimeMs: modifyTime });
    else listing.oddities.push({ path, reason: "It is a link, a device or a folder too deep, and not a plain file." });
  }
}

async function* read(client: SftpClient, { folder }: SftpSettings, entry: DropEntry): AsyncGenerator<Uint8Array> {
  const path = `${folder}/${entry.path}`;
  let size = 0;
  try {
    const stream = client.createReadStream(path, { highWaterMark: 256 * 1024 });
    for await (const chunk of stream) {
      size += Buffer.byteLength(chunk);
      yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    }
  } catch (error) {
    refuseFile(error);
    throw new UnavailableError(`The file ${entry.path} could not be fetched: ${reasonOf(error)}.`, { cause: error });
  }
  const now = await client.stat(path).catch(() => undefined);
  if (now?.size === entry.size && now.modifyTime === entry.mtimeMs && size === entry.size) return;
  throw new FileProblem("It changed while it was fetched.", {
    remedy: "None is needed: it is read when it is at rest.",
  });
}

/** What concerns one file must not stop the others: SFTP's status 2 is "no such file", 3 "permission denied". */
function refuseFile(error: unknown): void {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (code === 2) throw new FileProblem("It vanished after it was listed.", { cause: error });
  if (code === 3)
    throw new FileProblem("The server forbids to read it.", {
      remedy: "Ask the source for access to it.",
      cause: error,
    });
}
