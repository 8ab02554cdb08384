import { generateKeyPairSync } from "node:crypto";
import { Settings } from "../src/schema.ts";
import type { ConnectedApp } from "../../../tooling/servers/salesforce/index.ts";

const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

export const APP: ConnectedApp = {
  clientId: "3MVG9.app",
  username: "archiver@example.com",
  publicKey: keys.publicKey,
  audience: "https://login.salesforce.com",
};

/** Settings that sign in by JWT at the local server. */
export function jwtSettings(url: string, more: Partial<Record<keyof Settings, unknown>> = {}): Settings {
  return Settings.parse({ ...jwtInput(url), ...more });
}

/** The same as they stand in a configuration. */
export function jwtInput(url: string): Record<string, unknown> {
  const signIn = { method: "jwt", username: APP.username, privateKey: keys.privateKey, audience: APP.audience };
  return { loginUrl: url, clientId: APP.clientId, signIn };
}
