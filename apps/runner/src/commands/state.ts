import { existsSync, statSync } from "node:fs";
import { relative } from "node:path";
import { type Finding, isHansardError } from "@hansard/core";
import type { StateProtection } from "@hansard/journal";
import type { Installation } from "../installation.ts";
import { plural, print } from "../output.ts";

/** How what sources remember, such as refresh tokens, is protected. */
export function checkState({ journal, config }: Installation): Finding[] {
  try {
    const protection = journal.stateProtection();
    return [
      seal(protection),
      ...inClear(protection),
      ...placeOfKey(protection, config.dataFolder),
      ...protection.unreadable.map(({ source, name }) => unreadable(source, name)),
    ];
  } catch (error) {
    return [findingOf(error)];
  }
}

/** An error that the operator can act upon, as a finding. Any other is thrown again. */
export function findingOf(error: unknown): Finding {
  if (!isHansardError(error)) throw error;
  const { message, remedy } = error;
  return { level: "error", message, ...(remedy !== undefined && { remedy }) };
}

/** Lets a source start from its settings again, where no key opens what it remembers. What opens is never touched. */
export async function forgetState(
  installation: Installation,
  source: string,
  { json }: { json?: boolean },
): Promise<number> {
  installation.lock();
  installation.sourceIds(source);
  const forgotten = installation.journal.forgetUnreadableState(source);
  print(json, { source, forgotten }, () =>
    forgotten.length === 0
      ? `Everything that ${source} remembers can be opened: nothing was forgotten.`
      : `Forgotten of ${source}, since no key opens it: ${forgotten.join(", ")}. It starts from its settings at the next run.`,
  );
  return 0;
}

function seal({ key, file, keys, sealed }: StateProtection): Finding {
  const what = `What sources remember, such as refresh tokens, is sealed (AES-256-GCM; ${plural(sealed, "value")})`;
  if (key === "given") return { level: "ok", message: `${what} with stateKey, key ${keys[0]}.` };
  const [id] = keys;
  const state = id ? `, key ${id}: keep a copy of it apart from those of the data folder` : ", made when it is needed";
  return { level: "ok", message: `${what} with the key in ${file}${state}.` };
}

function inClear({ clear }: StateProtection): Finding[] {
  if (clear === 0) return [];
  return [
    {
      level: "warning",
      message: `${plural(clear, "value")} of an earlier version ${clear === 1 ? "lies" : "lie"} in the journal in clear. Each is sealed when its source writes it again.`,
      remedy: 'Run "hansard run". Earlier copies of the journal still hold them: destroy those, or sign in again.',
    },
  ];
}

function placeOfKey({ key, file }: StateProtection, dataFolder: string): Finding[] {
  if (key === "given" || !existsSync(file)) return [];
  const findings: Finding[] = [];
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0)
    findings.push({
      level: "warning",
      message: `Others than its owner can read ${file}.`,
      remedy: `Run "chmod 600 ${file}".`,
    });
  if (!relative(dataFolder, file).startsWith(".."))
    findings.push({
      level: "warning",
      message: `${file} lies in the data folder, so that whoever copies that has the key too.`,
      remedy: "Give the key by stateKey, or keep the configuration outside of the data folder.",
    });
  return findings;
}

function unreadable(source: string, name: string): Finding {
  return {
    level: "error",
    message: `No key that is given opens what ${source} remembers as "${name}".`,
    remedy: `Give the key that it was sealed with in stateKey. If it is lost, put new credentials into the settings and run "hansard state forget ${source}".`,
  };
}
