import { createHash, createHmac, randomBytes } from "node:crypto";
import { md4 } from "./md4.ts";

/**
 * NTLMv2 as MS-NLMP has it, without signing or sealing, which HTTP does not use. It is our own since the libraries for it
 * have had no upkeep in years, speak NTLMv1 as well, and know no channel binding, which Exchange Server demands by default.
 */
const SIGNATURE = Buffer.from("NTLMSSP\0", "latin1");
const UNICODE = 0x1;
const REQUEST_TARGET = 0x4;
const NTLM = 0x200;
const ALWAYS_SIGN = 0x8000;
const EXTENDED_SECURITY = 0x80000;
const TARGET_INFO = 0x800000;
const STRENGTH = 0x20000000 | 0x80000000;
const FLAGS = (UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SECURITY | TARGET_INFO | STRENGTH) >>> 0;
const HEAD_BYTES = 64;

const END_OF_LIST = 0;
const TIMESTAMP = 7;
const TARGET_NAME = 9;
const CHANNEL_BINDINGS = 10;
/** Between 1601 and 1970. */
const FILETIME_EPOCH_MS = 11_644_473_600_000n;

export interface Account {
  domain: string;
  user: string;
  password: string;
}

export interface Challenge {
  serverChallenge: Buffer;
  /** What the server says of itself: attribute id and value. */
  target: [id: number, value: Buffer][];
}

/** `CONTOSO\user` has a domain of its own; in `user@contoso.com` the server finds it. */
export function accountOf(user: string, password: string): Account {
  const [domain, name] = user.includes("\\") ? user.split("\\", 2) : ["", user];
  return { domain: domain ?? "", user: name ?? "", password };
}

/** The first message: what we can do. */
export function negotiate(): Buffer {
  const message = Buffer.alloc(32);
  SIGNATURE.copy(message);
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(FLAGS, 12);
  return message;
}

/** Reads the server's challenge. Throws where it is none. */
export function readChallenge(message: Buffer): Challenge {
  if (!message.subarray(0, 8).equals(SIGNATURE) || message.length < 48 || message.readUInt32LE(8) !== 2) {
    throw new Error("The server's NTLM challenge is malformed.");
  }
  const start = message.readUInt32LE(44);
  const info = message.subarray(start, start + message.readUInt16LE(40));
  const target: Challenge["target"] = [];
  for (let position = 0; position + 4 <= info.length;) {
    const id = info.readUInt16LE(position);
    const length = info.readUInt16LE(position + 2);
    if (id === END_OF_LIST) break;
    target.push([id, info.subarray(position + 4, position + 4 + length)]);
    position += 4 + length;
  }
  return { serverChallenge: message.subarray(24, 32), target };
}

/** The third message: the proof, bound to the TLS channel where there is one. */
export function authenticate(account: Account, challenge: Challenge, host: string, certificate?: Buffer): Buffer {
  const given = challenge.target.find(([id]) => id === TIMESTAMP)?.[1];
  const target: Challenge["target"] = [...challenge.target, [TARGET_NAME, utf16(`HTTP/${host}`)]];
  if (certificate) target.push([CHANNEL_BINDINGS, channelBindings(certificate)]);
  const key = responseKey(account);
  const response = ntResponse(key, challenge.serverChallenge, {
    clientChallenge: randomBytes(8),
    timestamp: given ?? filetime(Date.now()),
    target: writeTarget(target),
  });
  return writeFields([
    Buffer.alloc(24),
    response,
    utf16(account.domain),
    utf16(account.user),
    Buffer.alloc(0),
    Buffer.alloc(0),
  ]);
}

/** NTOWFv2: the key that proves the password. */
export function responseKey({ domain, user, password }: Account): Buffer {
  return hmac(md4(utf16(password)), utf16(user.toUpperCase() + domain));
}

/** NTProofStr and what it proves (MS-NLMP 3.3.2). */
export function ntResponse(
  key: Buffer,
  serverChallenge: Buffer,
  { clientChallenge, timestamp, target }: { clientChallenge: Buffer; timestamp: Buffer; target: Buffer },
): Buffer {
  const blob = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
    timestamp,
    clientChallenge,
    Buffer.alloc(4),
    target,
    Buffer.alloc(4),
  ]);
  return Buffer.concat([hmac(key, Buffer.concat([serverChallenge, blob])), blob]);
}

export function writeTarget(target: Challenge["target"]): Buffer {
  const parts = target.flatMap(([id, value]) => [pair(id, value.length), value]);
  return Buffer.concat([...parts, pair(END_OF_LIST, 0)]);
}

/** MD5 of the channel's bindings (RFC 2744 §3.11), which are the hash of the server's certificate (RFC 5929 §4). */
function channelBindings(certificate: Buffer): Buffer {
  const data = Buffer.concat([Buffer.from("tls-server-end-point:"), createHash("sha256").update(certificate).digest()]);
  const head = Buffer.alloc(20);
  head.writeUInt32LE(data.length, 16);
  return createHash("md5")
    .update(Buffer.concat([head, data]))
    .digest();
}

function writeFields(fields: Buffer[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  SIGNATURE.copy(head);
  head.writeUInt32LE(3, 8);
  let offset = HEAD_BYTES;
  fields.forEach((field, index) => {
    head.writeUInt16LE(field.length, 12 + index * 8);
    head.writeUInt16LE(field.length, 14 + index * 8);
    head.writeUInt32LE(offset, 16 + index * 8);
    offset += field.length;
  });
  head.writeUInt32LE(FLAGS, 60);
  return Buffer.concat([head, ...fields]);
}

function pair(id: number, length: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(length, 2);
  return head;
}

function filetime(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE((BigInt(ms) + FILETIME_EPOCH_MS) * 10_000n);
  return bytes;
}

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac("md5", key).update(data).digest();
}

function utf16(text: string): Buffer {
  return Buffer.from(text, "utf16le");
}
