import { ExchangeFailure } from "./failure.ts";
import type { SignIn } from "./settings.ts";
import type { HttpAnswer } from "./transport.ts";

/** By the setting's `method`: how HTTP calls it. All others send a token. */
const SCHEMES: Partial<Record<SignIn["method"], string>> = { ntlm: "NTLM", basic: "Basic" };

/** What a 401 means depends on whether the server knows this kind of sign-in at all. */
export function signInRefusal(headers: HttpAnswer["headers"], host: string, { method }: SignIn): ExchangeFailure {
  const scheme = SCHEMES[method];
  const offered = offeredBy(headers);
  const offer = offered.length === 0 ? "" : `It offers ${offered.join(", ")}.`;
  if (scheme === undefined) {
    const remedy = "Correct the application and its consent in `signIn`; see that the machine's clock is right.";
    return refusal(
      `${host} refuses the sign-in (401): its token is not good. ${offer} ${diagnosticsOf(headers)}`,
      remedy,
    );
  }
  if (offered.length > 0 && !offered.some((one) => one.toLowerCase() === scheme.toLowerCase())) {
    const remedy = `Set \`method\` in \`signIn\` to what it offers, or let it offer ${scheme}: ${switchedOn(method)}`;
    return refusal(`${host} refuses the sign-in (401): it does not take ${scheme}. ${offer}`, remedy);
  }
  const reason = `${host} refuses the sign-in (401): the user name or password is wrong. ${offer} ${diagnosticsOf(headers)}`;
  return refusal(reason, `Correct \`user\` and \`password\` in \`signIn\`. ${otherReasons(method)}`);
}

/** What Exchange says of a refused token: `2000002;reason="…";error_category="token_expired"`. */
export function diagnosticsOf(headers: HttpAnswer["headers"]): string {
  return String(headers["x-ms-diagnostics"] ?? "").slice(0, 500);
}

function refusal(reason: string, remedy: string): ExchangeFailure {
  return new ExchangeFailure("misconfigured", reason.replace(/ +/g, " ").trim(), { code: "HTTP 401", remedy });
}

function offeredBy(headers: HttpAnswer["headers"]): string[] {
  const challenges = [headers["www-authenticate"] ?? []].flat().join(", ");
  return [...new Set(challenges.match(/\b(Basic|Bearer|NTLM|Negotiate)\b/gi))];
}

function switchedOn(method: SignIn["method"]): string {
  return `Set-WebServicesVirtualDirectory -${method === "ntlm" ? "Windows" : "Basic"}Authentication $true`;
}

/** The server says no more than 401 of these either. */
function otherReasons(method: SignIn["method"]): string {
  const account = "Where both are right, see that the account is neither locked nor its password expired";
  if (method !== "ntlm") return `${account}.`;
  return `${account}, that the clocks agree, and that \`url\` leads to the server itself: where a load balancer ends TLS, Extended Protection refuses NTLM.`;
}
