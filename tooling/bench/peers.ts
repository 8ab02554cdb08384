import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timed } from "./measure.ts";

/** How many changes Xapian gathers before it writes: what an engineer sets for a large import, instead of the 10,000 of its default. */
const FLUSH_THRESHOLD = "100000";

/** Seconds for `notmuch new` over mails as files, from its start to its exit. */
export function notmuchNew(maildir: string, work: string): number {
  const environment = { ...notmuchEnvironment(maildir, work), XAPIAN_FLUSH_THRESHOLD: FLUSH_THRESHOLD };
  rmSync(join(maildir, ".notmuch"), { recursive: true, force: true });
  return timed("notmuch", ["new", "--quiet"], { env: environment });
}

/** The environment in which notmuch knows this maildir alone. */
export function notmuchEnvironment(maildir: string, work: string): NodeJS.ProcessEnv {
  mkdirSync(work, { recursive: true });
  const configuration = join(work, "notmuch-config");
  writeFileSync(
    configuration,
    `[database]\npath=${maildir}\n[user]\nname=Bench\nprimary_email=bench@contoso.example\n[new]\ntags=\n[search]\nexclude_tags=\n[maildir]\nsynchronize_flags=false\n`,
  );
  return { ...process.env, NOTMUCH_CONFIG: configuration };
}

/** Seconds for `mu index` over the same. */
export function muIndex(maildir: string, work: string): number {
  const home = join(work, "mu");
  rmSync(home, { recursive: true, force: true });
  timed("mu", ["init", "--quiet", `--muhome=${home}`, `--maildir=${maildir}`]);
  return timed("mu", ["index", "--quiet", `--muhome=${home}`]);
}

/** Its name and version, as it says them itself. */
export function versionOf(command: string): string {
  const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  const version = /\d+(\.\d+)+/.exec(stdout ?? "")?.[0];
  if (version === undefined) throw new Error(`${command} does not tell its version.`);
  return `${command} ${version}`;
}
