import { createGunzip } from "node:zlib";
import { pipeline } from "node:stream/promises";
import { PassThrough, Readable } from "node:stream";
import { type Member, readMembers, verifyArchive } from "./archive.ts";
import type { Bounds } from "./bounds.ts";
import type { Drop, DropEntry } from "./drop.ts";
import { FileProblem, reasonOf } from "./file-problem.ts";
import { unwrapName } from "./names.ts";
import { decryptFile, type PgpKeys, type SignatureState, verifyDetached } from "./pgp.ts";
import { type ReadingOptions, readWhole, type Spool, type SpooledFile } from "./spool.ts";

/** A file whose every byte was fetched, decrypted, unpacked and checked before it is handed over. */
export interface VerifiedFile {
  /** Where it lies in the drop. */
  path: string;
  /** Its base name without its wrappings. */
  name: string;
  /** Of the unwrapped content: SHA-256, 64 lower-case hexadecimal digits. */
  sha256: string;
  /** Of the unwrapped content, in bytes. */
  size: number;
  /** As delivered. */
  delivered: { sha256: string; size: number; mtimeMs: number };
  /** `unsigned` where nothing of it is PGP. */
  signature: SignatureState | "unsigned";
  /** The unwrapped content from its beginning, each time anew, until the batch is done with. See SpooledFile. */
  open(options?: ReadingOptions): AsyncGenerator<Uint8Array>;
  /** The files of an archive, in their order. Absent where it is none. */
  members?: () => AsyncGenerator<Member>;
}

export interface Verification {
  drop: Drop;
  spool: Spool;
  bounds: Bounds;
  keys?: PgpKeys | undefined;
  /** The detached signature, where one lies beside the file. */
  signature?: DropEntry | undefined;
}

const MAX_SIGNATURE_BYTES = 64 * 1024;

/** Fetches a file and verifies it whole. Ends with a FileProblem where it cannot be believed. */
export async function verifyFile(entry: DropEntry, verification: Verification): Promise<VerifiedFile> {
  const { drop, spool, bounds } = verification;
  const { name, layers, format } = unwrapName(entry.path);
  if (layers.length > bounds.maxLayers) {
    throw new FileProblem(`It is wrapped ${layers.length} times; ${bounds.maxLayers} are allowed.`, {
      remedy: "Raise `maxLayers` if such a file is expected.",
    });
  }
  const fetched = await spool.write(drop.read(entry), { maxBytes: bounds.maxFileBytes });
  if (fetched.size !== entry.size)
    throw new FileProblem(`It has ${fetched.size} bytes and was listed with ${entry.size}.`);
  const { file, signature } = await unwrap(fetched, layers, verification);
  if (format !== "file") await verifyArchive(file, format, bounds);
  return {
    path: entry.path,
    name,
    sha256: file.sha256,
    size: file.size,
    delivered: { sha256: fetched.sha256, size: fetched.size, mtimeMs: entry.mtimeMs },
    signature,
    open: (options) => file.open(options),
    ...(format !== "file" && { members: () => readMembers(file, format, bounds) }),
  };
}

async function unwrap(
  fetched: SpooledFile,
  layers: ("pgp" | "gzip")[],
  verification: Verification,
): Promise<{ file: SpooledFile; signature: VerifiedFile["signature"] }> {
  const { spool, bounds, keys } = verification;
  const detached = await readDetached(verification);
  let proved = detached && (await matches(fetched, detached, verification));
  let signature: SignatureState = "absent";
  let file = fetched;
  for (const layer of layers) {
    const wrapped = file;
    if (layer === "pgp") {
      const decrypted = await decryptFile({ file, keys, spool, maxBytes: bounds.maxFileBytes });
      file = decrypted.file;
      if (signature !== "verified") signature = decrypted.signature;
    } else {
      file = await spool.write(gunzip(file, bounds), { maxBytes: bounds.maxFileBytes });
    }
    // A signature may cover the file as delivered or what was encrypted: sources differ, and either proves the content.
    if (detached && proved !== true) proved = await matches(file, detached, verification);
    await wrapped.discard();
  }
  if (detached && proved !== true) throw proved ?? new FileProblem("Its signature could not be checked.");
  if (detached) signature = keys?.signatures === "unchecked" ? "unchecked" : "verified";
  if (keys?.signatures === "required" && layers.includes("pgp") && signature === "absent") throw unsigned();
  return { file, signature: layers.includes("pgp") || detached ? signature : "unsigned" };
}

function unsigned(): FileProblem {
  return new FileProblem("It is not signed, neither within nor by a `.sig` file beside it.", {
    remedy: "Have the source sign its files, or set `pgp.signatures` to `when-present` and say so in your procedures.",
  });
}

async function readDetached({ drop, signature, keys }: Verification): Promise<Uint8Array | undefined> {
  if (!signature || !keys) return undefined;
  return readWhole(drop.read(signature), MAX_SIGNATURE_BYTES);
}

async function matches(file: SpooledFile, signature: Uint8Array, { keys }: Verification): Promise<true | FileProblem> {
  if (!keys) return true;
  try {
    await verifyDetached({ file, signature, keys });
    return true;
  } catch (error) {
    if (error instanceof FileProblem) return error;
    throw error;
  }
}

async function* gunzip(file: SpooledFile, { maxRatio }: Bounds): AsyncGenerator<Uint8Array> {
  const unpacking = createGunzip();
  const output = new PassThrough();
  const running = pipeline(Readable.from(file.open(), { objectMode: false }), unpacking, output).catch(
    (error: unknown) => {
      output.destroy(error instanceof Error ? error : new Error(String(error)));
    },
  );
  let size = 0;
  try {
    for await (const chunk of output) {
      const bytes: Uint8Array = chunk;
      size += bytes.byteLength;
      if (size > 16 * 1024 ** 2 && size > file.size * maxRatio) {
        throw new FileProblem(`It unpacks to more than ${maxRatio} times its size.`, {
          remedy: "Raise `maxRatio` if such a file is expected.",
        });
      }
      yield bytes;
    }
    if (unpacking.bytesWritten !== file.size) {
      throw new FileProblem("Something other than gzip follows its content.", { byte: unpacking.bytesWritten });
    }
  } catch (error) {
    if (error instanceof FileProblem) throw error;
    throw new FileProblem(`It is not a whole gzip file: ${reasonOf(error)}.`, { cause: error });
  } finally {
    output.destroy();
    await running;
  }
}
