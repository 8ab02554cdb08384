import { readFile } from "node:fs/promises";
import type { Finding } from "@hansard/core";
import type { Settings } from "./settings.ts";
import { certificateOf } from "./sign-in.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 30;

/** When the certificate of the sign-in ends. Nothing where there is none. */
export async function certificateFindings({ signIn }: Pick<Settings, "signIn">): Promise<Finding[]> {
  if (signIn.method !== "certificate") return [];
  const { validTo } = certificateOf(await readFile(signIn.certificateFile, "utf8"), signIn.certificateFile);
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  const until = new Date(validTo).toISOString().slice(0, 10);
  const remedy =
    "Upload a new certificate beside the old one (Update-MgApplication -KeyCredentials), then change signIn.certificateFile and signIn.privateKeyFile.";
  if (days < 0) return [{ level: "error", message: `The sign-in certificate ended on ${until}.`, remedy }];
  if (days <= SOON_DAYS)
    return [
      {
        level: "warning",
        message: `The sign-in certificate ends in ${days} days, on ${until}. After that day nothing is delivered.`,
        remedy,
      },
    ];
  return [{ level: "ok", message: `The sign-in certificate is valid until ${until}.` }];
}
