import { createHmac } from "node:crypto";

/**
 * The Message-ID of a version of an event, or of a part of a series: the same in every mailbox and at every attempt.
 * It is keyed, since a predictable id would let somebody plant a mail that passes for the one that is still to come.
 */
export function messageId({ id, key }: { id: string; key: Uint8Array }, source: string, eventKey: string, version = "", part?: number): string {
  const identity = [source, eventKey, version, ...(part === undefined ? [] : [String(part)])];
  const digest = createHmac("sha256", key).update(identity.map((field) => `${field.length}:${field}`).join("")).digest("hex");
  return `<${digest.slice(0, 40)}@${id}.hansard.invalid>`;
}
