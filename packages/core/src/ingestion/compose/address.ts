import { hash } from "node:crypto";

const LONGEST_ADDRESS = 254;
const LONGEST_LOCAL_PART = 64;
/**
 * Addresses that all mail software reads alike: ASCII, no quoting, no address literal. Dots may stand anywhere in the local
 * part, since some providers gave such addresses out.
 */
const USABLE =
  /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+@[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;
/** Ids that may stand as they are. Two hyphens begin what `safeId` appends, so no id holds them. */
const PLAIN_ID = /^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$/;
const UPPER_CASE = /^[A-Z0-9._-]+$/;
const SLUG_LENGTH = 24;

/** Whether `address` can stand in a mail's header as it is. `=?` would let it pose as an encoded word. */
export function isUsableAddress(address: string): boolean {
  if (address.length > LONGEST_ADDRESS || !USABLE.test(address)) return false;
  return address.indexOf("@") <= LONGEST_LOCAL_PART && !address.includes("=?");
}

/**
 * The address of a participant who has none: `<safe id>@<source>.invalid`. It can never be delivered to (RFC 2606), is the
 * same for the same id, and differs for different ids even where case is ignored.
 */
export function placeholderAddress(id: string, source: string): string {
  const domain = source.toLowerCase().replace(/[^a-z0-9]/g, (character) => `-${character.charCodeAt(0).toString(16)}`);
  return `${safeId(id)}@${domain}.invalid`;
}

/**
 * An id in lower-case ASCII, fit for addresses and Content-IDs, and different for different ids: lower-case ids stay as
 * they are, upper-case ones are marked `--u`, any other gets its hash.
 */
export function safeId(id: string): string {
  if (isPlain(id)) return id;
  const lower = id.toLowerCase();
  if (UPPER_CASE.test(id) && isPlain(lower)) return `${lower}--u`;
  const slug = lower
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, SLUG_LENGTH)
    .replace(/^-|-$/g, "");
  // UTF-16, since UTF-8 knows no half surrogate pairs and would give two such ids one hash.
  return `${slug || "id"}--${hash("sha256", Buffer.from(id, "utf16le"), "hex").slice(0, 32)}`;
}

function isPlain(id: string): boolean {
  return PLAIN_ID.test(id) && !id.includes("--") && !id.includes("..");
}
