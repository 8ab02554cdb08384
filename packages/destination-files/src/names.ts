import { createHash } from "node:crypto";

const LONGEST_NAME_BYTES = 120;
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\:*?"<>|%]|^[.\s~-]|[.\s]$/gu;

/**
 * A name as one component of a path that is safe on every file system. Different names give different components:
 * what is unsafe is written as %XX of its UTF-8 bytes, and what is too long is cut and told apart by its hash.
 */
export function toPathComponent(name: string): string {
  const safe = name.normalize("NFC").replace(UNSAFE, percentEncoded) || "%";
  if (Buffer.byteLength(safe) <= LONGEST_NAME_BYTES) return safe;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${startOf(safe, LONGEST_NAME_BYTES - 20)}%-${hash}`;
}

/** The hash that names a message's file: taken from the Message-ID, so that a delivery submitted again finds its file. */
export function messageHash(messageId: string): string {
  return createHash("sha256").update(messageId).digest("hex").slice(0, 40);
}

/** A folder name as Maildir++ and IMAP write it: modified UTF-7, with the characters that would divide it written as =XX. */
export function toMaildirComponent(name: string): string {
  const undivided = toPathComponent(name).replace(/[.=]/g, (character) => `=${hex(character.charCodeAt(0))}`);
  return modifiedUtf7(undivided);
}

function percentEncoded(unsafe: string): string {
  return [...Buffer.from(unsafe)].map((byte) => `%${hex(byte)}`).join("");
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

/** As much of the beginning as fits into `bytes`, without cutting a character or an escape. */
function startOf(text: string, bytes: number): string {
  let start = "";
  for (const character of text) {
    if (Buffer.byteLength(start + character) > bytes) break;
    start += character;
  }
  return start.replace(/%.?$/, "");
}

/** RFC 3501 §5.1.3. */
function modifiedUtf7(text: string): string {
  return text.replace(/&/g, "&-").replace(/[^\x20-\x7e]+/g, (foreign) => {
    const utf16 = Buffer.from(foreign, "utf16le").swap16();
    return `&${utf16.toString("base64").replace(/=+$/, "").replace(/\//g, ",")}-`;
  });
}
