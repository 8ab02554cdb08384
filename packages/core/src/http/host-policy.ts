import { isIP } from "node:net";
import { SettingsError } from "../errors.ts";
import { whyNotPublic } from "./address-policy.ts";

/** A declared host: `slack.com`, `*.slack.com` (every host below it), `mail.example:8443`. Without a port it stands for the scheme's own. */
export interface HostPattern {
  name: string;
  below: boolean;
  port: number | undefined;
}

export interface HostPolicy {
  declared: HostPattern[];
  /** Those of the declared hosts that may have private addresses and speak plain HTTP. */
  allowPrivate: HostPattern[];
}

/** A URL that may be requested, and whether its host may have a private address. */
export type Admission = { url: URL; allowPrivate: boolean } | { refusal: string };

const PATTERN = /^(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(\d{1,5}))?$/;
const SPELLING = /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?(?=[/?#]|$)/i;
const CONTROL_CHARACTER = /\p{Cc}/u;
const DEFAULT_PORTS: Record<string, number> = { "https:": 443, "http:": 80 };

/** Parses declared hosts. An entry that is not one is a SettingsError that shows how to write it. */
export function parseHosts(hosts: string[]): HostPattern[] {
  return hosts.map((host) => {
    const match = PATTERN.exec(host.toLowerCase());
    const [, wildcard, name = "", port] = match ?? [];
    const below = wildcard !== undefined;
    if (!match || hostnameOf(name) !== name || (below && (!name.includes(".") || isAddress(name)))) {
      throw new SettingsError(`"${host}" is not a host that requests can be limited to.`, {
        remedy: 'Write a host without scheme and path, such as "slack.com", "*.slack.com" or "mail.example:8443".',
      });
    }
    return { name, below, port: port === undefined ? undefined : Number(port) };
  });
}

/**
 * Whether a URL may be requested. A host must be spelled the one plain way: whoever writes 127.0.0.1 as `0x7f.1`,
 * with Unicode digits or behind user information means to deceive.
 */
export function admit(text: string, policy: HostPolicy): Admission {
  if (CONTROL_CHARACTER.test(text)) return { refusal: "it holds a control character" };
  const spelled = SPELLING.exec(text)?.[1]?.toLowerCase();
  if (spelled === undefined || !URL.canParse(text)) return { refusal: "it is not a plain http or https URL" };
  const url = new URL(text);
  if (url.hostname !== spelled)
    return { refusal: `it spells its host in an unusual way; plainly that is "${url.hostname}"` };
  return admitParsed(url, policy);
}

/** The same for a URL that has been resolved already, as the target of a redirect is. */
export function admitParsed(url: URL, policy: HostPolicy): Admission {
  const port = url.port === "" ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (DEFAULT_PORTS[url.protocol] === undefined) return { refusal: `its scheme "${url.protocol}" is not https` };
  if (url.username !== "" || url.password !== "") return { refusal: "it holds a user name or password" };
  if (url.hostname.endsWith(".")) return { refusal: "its host ends with a dot" };
  if (!policy.declared.some((pattern) => matches(pattern, url, port))) return { refusal: notDeclared(url, policy) };

  const allowPrivate = policy.allowPrivate.some((pattern) => matches(pattern, url, port));
  if (allowPrivate) return { url, allowPrivate };
  if (url.protocol !== "https:") return { refusal: "it is not https, and the source's settings do not name this host" };
  const meaning = isAddress(url.hostname) ? whyNotPublic(url.hostname.replace(/^\[|\]$/g, "")) : undefined;
  return meaning === undefined
    ? { url, allowPrivate }
    : { refusal: `its address ${url.hostname} is not public (${meaning})` };
}

function matches(pattern: HostPattern, url: URL, port: number | undefined): boolean {
  const named = pattern.below ? url.hostname.endsWith(`.${pattern.name}`) : url.hostname === pattern.name;
  return named && port === (pattern.port ?? DEFAULT_PORTS[url.protocol]);
}

function notDeclared(url: URL, { declared }: HostPolicy): string {
  const list = declared.map(
    ({ name, below, port }) => `${below ? "*." : ""}${name}${port === undefined ? "" : `:${port}`}`,
  );
  return `its host "${url.host}" is not one that the connector declares (${list.join(", ") || "it declares none"})`;
}

function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || isIP(hostname) !== 0;
}

function hostnameOf(name: string): string | undefined {
  return URL.canParse(`https://${name}/`) ? new URL(`https://${name}/`).hostname : undefined;
}
