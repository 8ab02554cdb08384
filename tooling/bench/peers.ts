import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timed } from "./measure.ts";

/** Seconds for `notmuch new` over mails as files. */
export function notmuchNew(maildir: string, work: string): number {
  const environment = notmuchEnvironment(maildir, work);
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
