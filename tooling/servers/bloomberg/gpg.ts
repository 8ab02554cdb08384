import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether GnuPG is installed (Debian: `gnupg`). */
export const hasGpg = spawnSync("gpg", ["--version"]).status === 0;

/** A key ring of its own, made with the real GnuPG. */
export interface KeyRing {
  /** Makes a key without a passphrase and returns its address. */
  makeKey(name: string): string;
  publicKey(address: string): string;
  secretKey(address: string): string;
  /** Encrypts to `to`, and signs as `from` where it is given. */
  encrypt(content: Buffer, options: { to: string; from?: string; armor?: boolean }): Buffer;
  /** A detached signature. */
  sign(content: Buffer, from: string): Buffer;
  close(): void;
}

export function openKeyRing(): KeyRing {
  const home = mkdtempSync(join(tmpdir(), "gpg-"));
  chmodSync(home, 0o700);
  function gpg(options: string[], input: Buffer | string = ""): Buffer {
    const always = [
      "--homedir",
      home,
      "--batch",
      "--yes",
      "--quiet",
      "--no-tty",
      "--pinentry-mode",
      "loopback",
      "--passphrase",
      "",
    ];
    return execFileSync("gpg", [...always, "--trust-model", "always", ...options], {
      input,
      maxBuffer: 1024 ** 3,
      stdio: ["pipe", "pipe", "pipe"],
    });
  }
  return {
    makeKey(name) {
      const address = `${name}@keys.example`;
      gpg(["--quick-generate-key", `${name} <${address}>`, "default", "default", "never"]);
      return address;
    },
    publicKey: (address) => gpg(["--armor", "--export", address]).toString("utf8"),
    secretKey: (address) => gpg(["--armor", "--export-secret-keys", address]).toString("utf8"),
    encrypt(content, { to, from, armor }) {
      const signing = from === undefined ? [] : ["--sign", "--local-user", from];
      return gpg([...(armor ? ["--armor"] : []), ...signing, "--encrypt", "--recipient", to, "--output", "-"], content);
    },
    sign: (content, from) => gpg(["--detach-sign", "--local-user", from, "--output", "-"], content),
    close() {
      spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
