import { hash } from "node:crypto";

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
/** Room for the pad and an identity of ordinary length. */
const SCRATCH_BYTES = 4096;

/** A key's two pads, each at the head of memory that has room for what is hashed behind it. */
interface Pads {
  inner: Buffer;
  outer: Buffer;
}
const pads = new WeakMap<Uint8Array, Pads>();

/**
 * The Message-ID of a version of an event, or of a part of a series: the same in every mailbox and at every attempt.
 * It is keyed, since a predictable id would let somebody plant a mail that passes for the one that is still to come.
 */
export function messageId(
  { id, key }: { id: string; key: Uint8Array },
  source: string,
  eventKey: string,
  version = "",
  part?: number,
): string {
  const identity = [source, eventKey, version, ...(part === undefined ? [] : [String(part)])];
  return `<${hmac(key, identity.map((field) => `${field.length}:${field}`).join("")).slice(0, 40)}@${id}.hansard.invalid>`;
}

/** HMAC-SHA256 as hexadecimal digits. node:crypto's own makes a key object at each call, which costs more than the hashing. */
export function hmac(key: Uint8Array, text: string): string {
  const { inner, outer } = pads.get(key) ?? padsOf(key);
  // As text of one byte a character: a buffer for each would cost more than the hashing, too.
  outer.write(hash("sha256", behind(inner, text), "binary"), BLOCK_BYTES, "binary");
  return hash("sha256", outer, "hex");
}

function behind(pad: Buffer, text: string): Buffer {
  if (BLOCK_BYTES + text.length * 3 > pad.length)
    return Buffer.concat([pad.subarray(0, BLOCK_BYTES), Buffer.from(text)]);
  return pad.subarray(0, BLOCK_BYTES + pad.write(text, BLOCK_BYTES));
}

function padsOf(key: Uint8Array): Pads {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? hash("sha256", key, "buffer") : key);
  const made = { inner: Buffer.alloc(SCRATCH_BYTES), outer: Buffer.alloc(BLOCK_BYTES + HASH_BYTES) };
  made.inner.set(block.map((byte) => byte ^ 0x36));
  made.outer.set(block.map((byte) => byte ^ 0x5c));
  pads.set(key, made);
  return made;
}
