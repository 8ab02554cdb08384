import { type Finding, isHansardError, type SourceContext } from "@hansard/core";
import { type Drop, openDrop, openKeys } from "@hansard/file-drop";
import { describe, parseName } from "./names.ts";
import type { Settings } from "../schema.ts";

const SKEW_MS = 10 * 60_000;

/** Opens the keys and the drop, and says what lies there. Nothing is read or changed. */
export async function check({ settings, startedAt }: SourceContext<Settings>): Promise<Finding[]> {
  const findings: Finding[] = [];
  let drop: Drop | undefined;
  try {
    if (settings.pgp) await openKeys(settings.pgp);
    drop = await openDrop(settings.drop);
    findings.push(...(await lookAt(drop, settings, startedAt)));
  } catch (error) {
    if (!isHansardError(error)) throw error;
    findings.push({
      level: "error",
      message: error.message,
      ...(error.remedy !== undefined && { remedy: error.remedy }),
    });
  } finally {
    await drop?.close();
  }
  if (settings.pgp?.signatures === "unchecked") {
    findings.push({
      level: "warning",
      message: "Signatures are not checked.",
      remedy: "Set `pgp.signatures` to `required` where Bloomberg signs.",
    });
  }
  if (!settings.expect) {
    findings.push({
      level: "warning",
      message: "No days are expected: a day whose files never come would go unnoticed.",
      remedy: "Set `expect` with the first day that must be covered.",
    });
  }
  return findings;
}

async function lookAt(drop: Drop, { ignore, pgp }: Settings, startedAt: Date): Promise<Finding[]> {
  const { entries, oddities } = await drop.list();
  const known = entries.flatMap(({ path }) => parseName(path) ?? []);
  const days = known.map(({ day }) => day).sort();
  const findings: Finding[] = [];
  if (known.length === 0) {
    findings.push({
      level: "warning",
      message: "No file of Bloomberg's lies in the drop.",
      remedy: "Look whether the folder is the right one.",
    });
  } else {
    findings.push({ level: "ok", message: `${known.length} files from ${days[0]} to ${days.at(-1)} lie in the drop.` });
  }
  const strange = entries.filter(({ path }) => describe(path, ignore) === undefined && !/\.(sig|done)$/i.test(path));
  for (const { path } of [...strange, ...oddities].slice(0, 10)) {
    findings.push({
      level: "warning",
      message: `${path} is not a file that is known.`,
      remedy: "Name it in `ignore` if it is not data.",
    });
  }
  if (!pgp && entries.some(({ path }) => /\.(gpg|pgp|asc)(\.gz)?$/i.test(path))) {
    findings.push({
      level: "error",
      message: "Files are encrypted, and the settings have no key.",
      remedy: "Set `pgp.privateKeys` and `pgp.senderKeys`.",
    });
  }
  if (entries.some(({ mtimeMs }) => mtimeMs > startedAt.getTime() + SKEW_MS)) {
    findings.push({
      level: "warning",
      message: "Files are dated in the future: a clock is wrong.",
      remedy: "Set this machine's clock by NTP.",
    });
  }
  return findings;
}
