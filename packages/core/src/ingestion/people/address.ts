import { domainToASCII } from "node:url";

const LOCAL_PART = /^[^\s@"(),:;<>[\\\]\p{Cc}]{1,64}$/u;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/**
 * A mail address in the one form in which addresses are compared: lower case, Unicode composed, the domain in ASCII.
 * Undefined where the text is not an address, or one under `.invalid`, which stands for somebody without one.
 */
export function normalizeAddress(text: string): string | undefined {
  const at = text.lastIndexOf("@");
  const localPart = fold(text.slice(0, Math.max(at, 0)));
  const domain = normalizeDomain(text.slice(at + 1));
  if (!LOCAL_PART.test(localPart) || domain === undefined || domain === "invalid" || domain.endsWith(".invalid"))
    return undefined;
  return `${localPart}@${domain}`;
}

/** A domain in lower-case ASCII; undefined where the text is not one. */
export function normalizeDomain(text: string): string | undefined {
  const domain = domainToASCII(text.trim());
  return DOMAIN.test(domain) ? domain : undefined;
}

/** A text in the form in which case and the composition of letters make no difference. */
export function fold(text: string): string {
  return text.trim().normalize("NFC").toLowerCase().normalize("NFC");
}
