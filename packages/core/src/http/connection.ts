import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup as lookupInDns } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { callbackify } from "node:util";
import type { Agent, Dispatcher } from "undici";
import { whyNotPublic } from "./address-policy.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const CONNECTIONS_PER_HOST = 64;

/** All the addresses of a host name. */
export type Lookup = (hostname: string) => Promise<LookupAddress[]>;

export interface ConnectionOptions {
  /** Absent: the system's own. */
  lookup?: Lookup;
  /** Certificate authorities in PEM that count besides those that Node knows. */
  certificateAuthorities?: string[];
}

export interface OutgoingRequest {
  url: URL;
  allowPrivate: boolean;
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array | undefined;
  signal: AbortSignal;
}

export interface Connection {
  send(request: OutgoingRequest): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** A host name that leads to an address that is not public. */
export class RefusedAddressError extends Error {
  readonly hostname: string;

  constructor(hostname: string, address: string, meaning: string) {
    super(`its host "${hostname}" has the address ${address}, which is not public (${meaning})`);
    this.hostname = hostname;
  }
}

/**
 * Opens sockets, each to an address that was checked by the same look-up: a name that changes its mind between check
 * and connect (DNS rebinding) gains nothing. undici is loaded at the first request, for most commands make none.
 */
export function openConnection({ lookup = lookupAll, certificateAuthorities }: ConnectionOptions): Connection {
  let agents: Promise<{ open: Agent; guarded: Agent }> | undefined;

  async function openAgents(): Promise<{ open: Agent; guarded: Agent }> {
    const { Agent } = await import("undici");
    const ca = certificateAuthorities && (await allAuthorities(certificateAuthorities));
    const make = (guarded: boolean): Agent =>
      new Agent({
        // Each exchange has a deadline of its own.
        headersTimeout: 0,
        bodyTimeout: 0,
        connections: CONNECTIONS_PER_HOST,
        allowH2: false,
        connect: { timeout: CONNECT_TIMEOUT_MS, lookup: toLookupFunction(lookup, guarded), ...(ca && { ca }) },
      });
    return { open: make(false), guarded: make(true) };
  }

  async function send({
    url,
    allowPrivate,
    method,
    headers,
    body,
    signal,
  }: OutgoingRequest): Promise<Dispatcher.ResponseData> {
    agents ??= openAgents();
    const { open, guarded } = await agents;
    const agent = allowPrivate ? open : guarded;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- undici knows the methods as literals
    return agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method,
      headers,
      body: body ?? null,
      signal,
    });
  }

  async function close(): Promise<void> {
    if (!agents) return;
    const { open, guarded } = await agents;
    await Promise.all([open.destroy(), guarded.destroy()]);
  }

  return { send, close };
}

function toLookupFunction(lookup: Lookup, guarded: boolean): LookupFunction {
  const find = callbackify(lookup);
  return (hostname, options, callback) => {
    find(hostname, (error, addresses) => {
      if (error) callback(error, "");
      else answer(hostname, addresses, options, guarded, callback);
    });
  };
}

function answer(
  hostname: string,
  addresses: LookupAddress[],
  options: LookupOptions,
  guarded: boolean,
  callback: Parameters<LookupFunction>[2],
): void {
  // One bad address among good ones is enough: which of them is taken is not ours to say.
  for (const { address } of guarded ? addresses : []) {
    const meaning = whyNotPublic(address);
    if (meaning !== undefined) return callback(new RefusedAddressError(hostname, address, meaning), "");
  }
  const [first] = addresses;
  if (!first) return callback(Object.assign(new Error(`"${hostname}" has no address`), { code: "ENOTFOUND" }), "");
  if (options.all) return callback(null, addresses);
  return callback(null, first.address, first.family);
}

function lookupAll(hostname: string): Promise<LookupAddress[]> {
  return lookupInDns(hostname, { all: true });
}

async function allAuthorities(added: string[]): Promise<string[]> {
  const { getCACertificates } = await import("node:tls");
  return [...getCACertificates("default"), ...added];
}
