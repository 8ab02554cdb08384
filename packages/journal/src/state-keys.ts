import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Secret, SettingsError } from "@hansard/core";

/** Where the keys come from that seal what sources remember. */
export interface StateKeys {
  /** Gives keys of 32 bytes, as base64 or hexadecimal digits, with white space between them. The first seals, each opens. */
  given?: () => Secret;
  /**
   * The file of a key that seals where none is given, and opens in any case. It is made when it is needed first.
   * Absent: a file that is called like the journal's folder, with `.state-key` behind, and lies outside of it.
   */
  file?: string;
}

/** One key. */
export interface StateKey {
  /** Tells keys apart and says nothing about them: 8 bytes as hexadecimal digits. */
  id: string;
  key: KeyObject;
}

const KEY_BYTES = 32;
const ID_BYTES = 8;

/** The keys of one journal, read when they are needed first. */
export class StateKeyring {
  /** The key file's path. */
  readonly file: string;
  readonly #given: (() => Secret) | undefined;
  #keys: StateKey[] | undefined;

  constructor({ given, file }: StateKeys, folder: string) {
    this.file = file ?? `${folder}.state-key`;
    this.#given = given;
  }

  get isGiven(): boolean {
    return this.#given !== undefined;
  }

  get ids(): string[] {
    return this.#all().map(({ id }) => id);
  }

  /** The key that seals. Made and on disk where there was none. */
  sealing(): StateKey {
    const [first] = this.#all();
    if (first) return first;
    this.#make();
    this.#keys = undefined;
    return this.sealing();
  }

  opening(id: string): StateKey | undefined {
    return this.#all().find((key) => key.id === id);
  }

  #make(): void {
    try {
      makeKeyFile(this.file);
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      throw new SettingsError(`The key for what sources remember cannot be written to ${this.file} (${error.code}).`, {
        remedy: "Give a key in stateKey, or let the user that runs hansard write there.",
        cause: error,
      });
    }
  }

  #all(): StateKey[] {
    this.#keys ??= [
      ...(this.#given ? parseKeys(this.#given().reveal(), "stateKey") : []),
      ...(existsSync(this.file) ? parseKeys(readFileSync(this.file, "utf8"), this.file) : []),
    ];
    return this.#keys;
  }
}

function parseKeys(text: string, place: string): StateKey[] {
  const keys = text.split(/\s+/).filter(Boolean).map(toBytes);
  if (keys.length > 0 && keys.every((bytes) => bytes.length === KEY_BYTES)) return keys.map(toKey);
  throw new SettingsError(`${place} holds no key of ${KEY_BYTES} bytes, as base64 or hexadecimal digits.`, {
    remedy: 'Make one with "openssl rand -base64 32".',
  });
}

function toBytes(text: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  return Buffer.from(/^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? text : "", "base64");
}

function toKey(bytes: Buffer): StateKey {
  const id = Buffer.from(hkdfSync("sha256", bytes, "", "hansard state key id", ID_BYTES)).toString("hex");
  return { id, key: createSecretKey(bytes) };
}

/** The key is whole and on disk under its name before anything is sealed with it; of two makers the first one's counts. */
function makeKeyFile(file: string): void {
  const folder = dirname(file);
  // A folder of secrets stays out of version control.
  if (mkdirSync(folder, { recursive: true, mode: 0o700 })) writeFileSync(join(folder, ".gitignore"), "*\n");
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString("hex")}`;
  writeFileSync(temporary, `${randomBytes(KEY_BYTES).toString("base64")}\n`, { flag: "wx", mode: 0o600, flush: true });
  try {
    linkSync(temporary, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    unlinkSync(temporary);
  }
  synchronise(folder);
}

function synchronise(folder: string): void {
  const descriptor = openSync(folder, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}
