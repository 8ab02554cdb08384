import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AuthenticationError, isHansardError } from "@hansard/core";
import type { JournalDatabase } from "./database.ts";
import type { StateKey, StateKeyring } from "./state-keys.ts";

/** How what sources remember is kept. */
export interface StateProtection {
  /** Whether the key that seals was given, or comes from the key file. */
  key: "given" | "file";
  /** The key file, whether or not it is there. */
  file: string;
  /** The ids of the keys that are there, the one that seals first. */
  keys: string[];
  /** How many values a key opens. */
  sealed: number;
  /** How many values an earlier version left in clear. Each is sealed when it is next written. */
  clear: number;
  /** Values that no key opens. */
  unreadable: { source: string; name: string }[];
}

interface Place {
  source: { id: number; name: string };
  name: string;
}

const ALGORITHM = "aes-256-gcm";
const VERSION = 1;
const [ID_END, NONCE_END, TAG_END] = [9, 21, 37];

/**
 * What sources remember, sealed: refresh tokens are credentials, and the journal's folder is copied to places where
 * credentials must not go. A sealed value is a BLOB: a version byte, 8 bytes of the key's id, 12 of the nonce, 16 of
 * the tag, and the ciphertext. Text is a value in clear, of an earlier version.
 */
export class SealedState {
  readonly #database: JournalDatabase;
  readonly #keys: StateKeyring;

  constructor(database: JournalDatabase, keys: StateKeyring) {
    this.#database = database;
    this.#keys = keys;
  }

  read(place: Place): string | undefined {
    const stored = this.#stored(place);
    return stored instanceof Uint8Array ? this.#open(Buffer.from(stored), place) : stored;
  }

  write(place: Place, value: string): void {
    const wasClear = typeof this.#stored(place) === "string";
    const sealed = this.#seal(value, place);
    if (wasClear) this.#database.exec("PRAGMA secure_delete = ON");
    this.#database.run("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", place.source.id, place.name, sealed);
    if (!wasClear) return;
    this.#database.exec("PRAGMA secure_delete = OFF");
    // Else the clear value would stay in the write-ahead log, and in the table until that is copied back.
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  protection(): StateProtection {
    const counts = { sealed: 0, clear: 0 };
    const unreadable: StateProtection["unreadable"] = [];
    for (const place of this.#places()) {
      if (typeof this.#stored(place) === "string") counts.clear += 1;
      else if (this.#isReadable(place)) counts.sealed += 1;
      else unreadable.push({ source: place.source.name, name: place.name });
    }
    const { isGiven, file, ids: keys } = this.#keys;
    return { key: isGiven ? "given" : "file", file, keys, ...counts, unreadable };
  }

  /** Removes what no key opens, and gives its names. */
  forgetUnreadable(source: string): string[] {
    const lost = this.#places().filter((place) => place.source.name === source && !this.#isReadable(place));
    for (const { source: of, name } of lost)
      this.#database.run("DELETE FROM state WHERE source = ? AND name = ?", of.id, name);
    return lost.map(({ name }) => name);
  }

  #places(): Place[] {
    return this.#database
      .all(
        "SELECT source.id, source.name AS source, state.name FROM state JOIN source ON source.id = state.source ORDER BY 2, 3",
      )
      .map((row) => ({ source: { id: Number(row["id"]), name: String(row["source"]) }, name: String(row["name"]) }));
  }

  #isReadable(place: Place): boolean {
    try {
      this.read(place);
      return true;
    } catch (error) {
      if (isHansardError(error, "authentication")) return false;
      throw error;
    }
  }

  #stored({ source, name }: Place): string | Uint8Array | undefined {
    const row = this.#database.get("SELECT value FROM state WHERE source = ? AND name = ?", source.id, name);
    const value = row?.["value"];
    return typeof value === "string" || value instanceof Uint8Array ? value : undefined;
  }

  #seal(value: string, place: Place): Uint8Array {
    const { id, key } = this.#keys.sealing();
    const nonce = randomBytes(NONCE_END - ID_END);
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(this.#bound(place));
    const ciphertext = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
    return Buffer.concat([Uint8Array.of(VERSION), Buffer.from(id, "hex"), nonce, cipher.getAuthTag(), ciphertext]);
  }

  #open(sealed: Buffer, place: Place): string {
    const id = sealed.toString("hex", 1, ID_END);
    const key = sealed[0] === VERSION ? this.#keys.opening(id) : undefined;
    if (!key) throw sealedWithAnother(place, id, this.#keys.file);
    try {
      return this.#decrypt(sealed, key, place);
    } catch (error) {
      throw altered(place, error);
    }
  }

  #decrypt(sealed: Buffer, { key }: StateKey, place: Place): string {
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(ID_END, NONCE_END), { authTagLength: 16 });
    decipher.setAAD(this.#bound(place)).setAuthTag(sealed.subarray(NONCE_END, TAG_END));
    return Buffer.concat([decipher.update(sealed.subarray(TAG_END)), decipher.final()]).toString("utf8");
  }

  /** A value opens only where it was sealed: in this journal, for this source, under this name. */
  #bound({ source, name }: Place): Buffer {
    return Buffer.from(JSON.stringify(["hansard state", VERSION, this.#database.installation.id, source.name, name]));
  }
}

function sealedWithAnother({ source, name }: Place, id: string, file: string): AuthenticationError {
  return new AuthenticationError(
    `What source "${source.name}" remembers as "${name}", such as a sign-in, is sealed with the key ${id}, which is not among those given.`,
    {
      remedy: `Give that key in stateKey, or put it back at ${file}. If it is lost, sign in again: put new credentials into the settings, then run "hansard state forget ${source.name}".`,
    },
  );
}

function altered({ source, name }: Place, cause: unknown): AuthenticationError {
  return new AuthenticationError(
    `What source "${source.name}" remembers as "${name}", such as a sign-in, was altered or moved since it was sealed.`,
    {
      remedy: `Restore the journal from a backup. Or sign in again: put new credentials into the settings, then run "hansard state forget ${source.name}".`,
      cause,
    },
  );
}
