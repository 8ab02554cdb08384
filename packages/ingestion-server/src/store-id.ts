import { hash } from "node:crypto";

/** What an item's or folder's id says. An ordinary item id names its folder too, so that it changes when the item moves. */
export interface IdParts {
  kind: "item" | "immutable-item" | "folder" | "attachment";
  mailbox: number;
  /** The item, the folder or the attachment. */
  number: number;
  /** The folder of an ordinary item id; 0 elsewhere. */
  folder: number;
}

const KINDS: IdParts["kind"][] = ["item", "immutable-item", "folder", "attachment"];
/** 27 bytes in all, so that each character of the base64 counts. */
const CHECK_BYTES = 8;
const BYTES = 1 + 3 * 6 + CHECK_BYTES;

/** Writes an id that looks like Exchange's: opaque, safe in a URL, and recognisably damaged when it is. */
export function writeId({ kind, mailbox, number, folder }: IdParts): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt8(KINDS.indexOf(kind), 0);
  bytes.writeUIntBE(mailbox, 1, 6);
  bytes.writeUIntBE(number, 7, 6);
  bytes.writeUIntBE(folder, 13, 6);
  bytes.set(checkOf(bytes), BYTES - CHECK_BYTES);
  return `AAMk${bytes.toString("base64url")}`;
}

/** Undefined: it is no id of this server. */
export function readId(text: string): IdParts | undefined {
  if (!text.startsWith("AAMk")) return undefined;
  const bytes = Buffer.from(text.slice(4), "base64url");
  if (bytes.length !== BYTES || !checkOf(bytes).equals(bytes.subarray(BYTES - CHECK_BYTES))) return undefined;
  const kind = KINDS[bytes.readUInt8(0)];
  if (kind === undefined) return undefined;
  return {
    kind,
    mailbox: bytes.readUIntBE(1, 6),
    number: bytes.readUIntBE(7, 6),
    folder: bytes.readUIntBE(13, 6),
  };
}

function checkOf(bytes: Buffer): Buffer {
  return hash("sha256", bytes.subarray(0, BYTES - CHECK_BYTES), "buffer").subarray(0, CHECK_BYTES);
}
