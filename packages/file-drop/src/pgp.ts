import { ReadableStream } from "node:stream/web";
import { SettingsError } from "@hansard/core";
import type { Key, PartialConfig, PrivateKey } from "openpgp";
import { FileProblem, reasonOf } from "./file-problem.ts";
import type { PgpSettings } from "./settings.ts";
import type { Spool, SpooledFile } from "./spool.ts";

/** Keys that are unlocked and ready. */
export interface PgpKeys {
  decryption: PrivateKey[];
  sender: Key[];
  signatures: PgpSettings["signatures"];
}

/** Loaded when it is needed: a drop without PGP should not pay for it. */
async function library() {
  return import("openpgp");
}

/** Whether a signature was there and right. Wrong ones never get this far. */
export type SignatureState = "verified" | "absent" | "unchecked";

export interface Decrypted {
  file: SpooledFile;
  signature: SignatureState;
}

const MAX_SIGNATURE_BYTES = 64 * 1024;

/** Reads and unlocks the keys of the settings. */
export async function openKeys({ privateKeys, passphrase, senderKeys, signatures }: PgpSettings): Promise<PgpKeys> {
  const { decryptKey, readKeys, readPrivateKeys } = await library();
  const decryption: PrivateKey[] = [];
  for (const armored of privateKeys) {
    decryption.push(...(await keysOf("pgp.privateKeys", () => readPrivateKeys({ armoredKeys: armored.reveal() }))));
  }
  const unlocked = decryption.map(async (privateKey) => {
    if (privateKey.isDecrypted()) return privateKey;
    return keysOf("pgp.passphrase", () => decryptKey({ privateKey, passphrase: passphrase?.reveal() ?? "" }));
  });
  const sender: Key[] = [];
  for (const armoredKeys of senderKeys)
    sender.push(...(await keysOf("pgp.senderKeys", () => readKeys({ armoredKeys }))));
  if (signatures === "required" && decryption.length > 0 && sender.length === 0) {
    throw new SettingsError("Signatures are required, but `pgp.senderKeys` names no key to check them with.", {
      remedy: "Add the source's public key, or set `pgp.signatures` to `unchecked` and say so in your procedures.",
    });
  }
  return { decryption: await Promise.all(unlocked), sender, signatures };
}

/** Tells one set of keys from another, so that what one could not open is tried with the next. */
export function fingerprintKeys(keys: PgpKeys | undefined): string {
  if (!keys) return "none";
  const fingerprints = [...keys.decryption, ...keys.sender].map((key) => key.getFingerprint());
  return [keys.signatures, ...fingerprints.sort()].join(" ");
}

async function keysOf<Keys>(setting: string, read: () => Promise<Keys>): Promise<Keys> {
  try {
    return await read();
  } catch (error) {
    throw new SettingsError(`\`${setting}\` does not open: ${reasonOf(error)}.`, {
      remedy: "Export the key with `gpg --armor --export` (or `--export-secret-keys`), and look after the passphrase.",
      cause: error,
    });
  }
}

/**
 * Decrypts a file whole. Its integrity code and its signature are at its end, so nothing of it is handed over before
 * both were checked.
 */
export async function decryptFile({
  file,
  keys,
  spool,
  maxBytes,
}: {
  file: SpooledFile;
  keys: PgpKeys | undefined;
  spool: Spool;
  maxBytes: number;
}): Promise<Decrypted> {
  if (!keys || keys.decryption.length === 0) {
    throw new FileProblem("It is encrypted, and the settings have no key for it.", {
      remedy: "Set `pgp.privateKeys`.",
    });
  }
  const { decrypt } = await library();
  const config: PartialConfig = { allowUnauthenticatedStream: true, maxDecompressedMessageSize: maxBytes };
  try {
    const message = await open(file, config);
    const checks = keys.signatures !== "unchecked";
    const result = await decrypt({
      message,
      format: "binary",
      decryptionKeys: keys.decryption,
      ...(checks && keys.sender.length > 0 && { verificationKeys: keys.sender }),
      config,
    });
    const plain = await spool.write(bytesOf(result.data), { maxBytes });
    return { file: plain, signature: checks ? await judge(result.signatures) : "unchecked" };
  } catch (error) {
    if (error instanceof FileProblem) throw error;
    throw decryptionProblem(error);
  }
}

async function open(file: SpooledFile, config: PartialConfig) {
  const { readMessage } = await library();
  for await (const chunk of file.open()) {
    if (Buffer.from(chunk.subarray(0, 64)).toString("latin1").includes("-----BEGIN PGP")) {
      return readMessage({ armoredMessage: textStream(file), config });
    }
    break;
  }
  return readMessage({ binaryMessage: byteStream(file), config });
}

function decryptionProblem(error: unknown): FileProblem {
  const reason = reasonOf(error);
  if (/session key|decryption key|No private key|Error decrypting message: (Session|No)/i.test(reason)) {
    return new FileProblem(`It is not encrypted to a key of the settings (${reason}).`, {
      remedy: "Add the private key it was encrypted to, or have the source use the public key it was given.",
      cause: error,
    });
  }
  return new FileProblem(`It cannot be decrypted: ${reason}.`, { cause: error });
}

async function judge(signatures: { verified: Promise<true>; keyID: { toHex(): string } }[]): Promise<SignatureState> {
  if (signatures.length === 0) return "absent";
  const reasons: string[] = [];
  for (const { verified, keyID } of signatures) {
    try {
      await verified;
      return "verified";
    } catch (error) {
      reasons.push(`key ${keyID.toHex().toUpperCase()}: ${reasonOf(error)}`);
    }
  }
  throw new FileProblem(`Its signature is not believed (${reasons.join("; ")}).`, {
    remedy:
      "Add the source's public key to `pgp.senderKeys` if it is that key; else ask the source for the file again.",
  });
}

/** Checks a detached signature over a file. Ends with a FileProblem where it is not right. */
export async function verifyDetached({
  file,
  signature,
  keys,
}: {
  file: SpooledFile;
  signature: Uint8Array;
  keys: PgpKeys;
}): Promise<SignatureState> {
  if (keys.signatures === "unchecked") return "unchecked";
  if (signature.byteLength > MAX_SIGNATURE_BYTES)
    throw new FileProblem("Its `.sig` file is too long to be a signature.");
  const { createMessage, readSignature, verify } = await library();
  try {
    const armored = Buffer.from(signature.subarray(0, 64)).toString("latin1").includes("-----BEGIN PGP");
    const result = await verify({
      message: await createMessage({ binary: byteStream(file) }),
      signature: armored
        ? await readSignature({ armoredSignature: Buffer.from(signature).toString("latin1") })
        : await readSignature({ binarySignature: signature }),
      verificationKeys: keys.sender,
      format: "binary",
    });
    // The signature is computed while the content goes by.
    for await (const _ of bytesOf(result.data));
    return await judge(result.signatures);
  } catch (error) {
    if (error instanceof FileProblem) throw error;
    throw new FileProblem(`Its \`.sig\` file cannot be read as a signature: ${reasonOf(error)}.`, { cause: error });
  }
}

function byteStream(file: SpooledFile): ReadableStream<Uint8Array> {
  return ReadableStream.from(file.open());
}

function textStream(file: SpooledFile): ReadableStream<string> {
  return ReadableStream.from(latin1(file));
}

async function* latin1(file: SpooledFile): AsyncGenerator<string> {
  for await (const chunk of file.open()) yield Buffer.from(chunk).toString("latin1");
}

/**
 * The library's types leave open which kind of stream comes out; a web stream goes in, and one comes out. The library
 * replaces the stream's `getReader`, so that nothing but a reader may be used.
 */
async function* bytesOf(data: unknown): AsyncGenerator<Uint8Array> {
  if (data instanceof Uint8Array) return yield data;
  if (!(data instanceof ReadableStream)) throw new Error("The PGP library gave no stream. Look after its version.");
  const reader = data.getReader();
  try {
    for (;;) {
      const { done, value }: { done: boolean; value?: unknown } = await reader.read();
      if (done) return;
      if (!(value instanceof Uint8Array))
        throw new Error("The PGP library gave text for bytes. Look after its version.");
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
