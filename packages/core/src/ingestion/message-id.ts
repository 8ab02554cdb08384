import { hash } from "node:crypto";

const BLOCK_BYTES = 64;
const pads = new WeakMap<Uint8Array, { inner: Buffer; outer: Buffer }>();

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
  let pad = pads.get(key);
  if (!pad) {
    const block = Buffer.alloc(BLOCK_BYTES);
    block.set(key.length > BLOCK_BYTES ? hash("sha256", key, "buffer") : key);
    pad = {
      inner: Buffer.from(block.map((byte) => byte ^ 0x36)),
      outer: Buffer.from(block.map((byte) => byte ^ 0x5c)),
    };
    pads.set(key, pad);
  }
  const inner = hash("sha256", Buffer.concat([pad.inner, Buffer.from(text)]), "buffer");
  return hash("sha256", Buffer.concat([pad.outer, inner]), "hex");
}
