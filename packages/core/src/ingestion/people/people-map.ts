import { createHash } from "node:crypto";
import { SettingsError } from "../../errors.ts";
import type { Participant } from "../../message.ts";
import { normalizeAddress, normalizeDomain } from "./address.ts";
import { type AliasRule, compileAliases } from "./alias-rules.ts";
import { createDirectory, type Directory, type DirectoryOptions, type ResolveInDirectory } from "./directory.ts";
import { indexEntries } from "./file-index.ts";
import type { ParsedFile, PeopleFile } from "./people-entry.ts";
import { readCsv } from "./read-csv.ts";
import { readYaml } from "./read-yaml.ts";

/** Whose mailbox a participant is, and by which rule: `file people.csv:12`, `address`, `alias 2` or `directory`. */
export interface PersonMatch {
  mailbox: string;
  rule: string;
}

/** The answer to whose mailbox a participant of a source is. */
export interface PeopleMap {
  /** Names the content of files and rules: maps of equal digest map equally, but for the directory. */
  digest: string;
  /** Looks in this order: files, the participant's own address, alias rules, directory. Rejects when the directory cannot say. */
  find(participant: Participant): PersonMatch | undefined | Promise<PersonMatch | undefined>;
  /** The same without asking: of the directory only what it has answered before. */
  known(participant: Participant): PersonMatch | undefined;
  /** The map as it counts for one source, by its key in the configuration. It shares files and directory. */
  forSource(source: string): PeopleMap;
}

export interface PeopleMapOptions {
  /** CSV or YAML, told apart by the ending of their paths. */
  files?: PeopleFile[];
  aliases?: AliasRule[];
  /** The domains whose addresses are mailboxes of ours, such as `contoso.example` or `*.contoso.example`; `"*"`: every one. Absent: none. */
  domains?: string[] | "*";
  /** Completes mailboxes that a file names without a domain. */
  defaultDomain?: string;
  directory?: ResolveInDirectory;
  directoryOptions?: DirectoryOptions;
  /** The source that the map is for. See `forSource`. */
  source?: string;
}

const MAX_NAMED_PROBLEMS = 20;
const MAX_REMEMBERED = 200_000;

/** Reads the people files and compiles the rules. Every fault of the files is named in one SettingsError, with file and line. */
export async function loadPeopleMap(options: PeopleMapOptions): Promise<PeopleMap> {
  const { files = [], aliases = [], domains = [], defaultDomain, directory, directoryOptions, source = "" } = options;
  const parsed = await Promise.all(files.map((file) => readFile(file, defaultDomain)));
  const index = indexEntries(parsed.flatMap(({ entries }) => entries));
  const problems = [...parsed.flatMap((file) => file.problems), ...index.problems];
  if (problems.length > 0) throw faulty(problems);

  const findAlias = compileAliases(aliases);
  const isOurs = compileDomains(domains);
  const digest = digestOf({ files, aliases, domains, defaultDomain, directory: directory !== undefined });

  function findByRule(source: string, { id, address }: Participant): PersonMatch | undefined {
    const known = address === undefined ? undefined : normalizeAddress(address);
    const entry = index.find(source, id, known);
    if (entry) return { mailbox: entry.mailbox, rule: `file ${entry.place}` };
    if (known === undefined) return undefined;
    if (isOurs(known)) return { mailbox: known, rule: "address" };
    const alias = findAlias(known);
    return alias && { mailbox: alias.mailbox, rule: `alias ${alias.number}` };
  }

  return mapFor(source, findByRule, directory && createDirectory(directory, directoryOptions), digest);
}

type FindByRule = (source: string, participant: Participant) => PersonMatch | undefined;

function mapFor(source: string, findByRule: FindByRule, directory: Directory | undefined, digest: string): PeopleMap {
  /** By the participant's id, with the address that was seen last: an id hardly ever has two. */
  const remembered = new Map<string, { address: string | undefined; match: PersonMatch | undefined }>();

  function byRule(participant: Participant): PersonMatch | undefined {
    // A place has no mailbox, whatever its name or address looks like.
    if (participant.kind === "place") return undefined;
    const { id, address } = participant;
    const known = remembered.get(id);
    if (known !== undefined && known.address === address) return known.match;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    const match = findByRule(source, participant);
    remembered.set(id, { address, match });
    return match;
  }

  function find(participant: Participant): PersonMatch | undefined | Promise<PersonMatch | undefined> {
    const match = byRule(participant);
    const address = match || !directory ? undefined : addressOf(participant);
    if (match || !directory || address === undefined) return match;
    const answer = directory.find(address);
    return answer instanceof Promise ? answer.then(fromDirectory) : fromDirectory(answer);
  }

  function known(participant: Participant): PersonMatch | undefined {
    const match = byRule(participant);
    const address = match || !directory ? undefined : addressOf(participant);
    return match ?? (address === undefined ? undefined : fromDirectory(directory?.known(address)));
  }

  return { digest, find, known, forSource: (other) => mapFor(other, findByRule, directory, digest) };
}

function addressOf({ kind, address }: Participant): string | undefined {
  return kind === "place" || address === undefined ? undefined : normalizeAddress(address);
}

function fromDirectory(mailbox: string | undefined): PersonMatch | undefined {
  return mailbox === undefined ? undefined : { mailbox, rule: "directory" };
}

async function readFile(file: PeopleFile, defaultDomain: string | undefined): Promise<ParsedFile> {
  if (/\.(csv|tsv|txt)$/i.test(file.path)) return readCsv(file, defaultDomain);
  if (/\.(ya?ml|json)$/i.test(file.path)) return readYaml(file, defaultDomain);
  return {
    entries: [],
    problems: [`${file.path}: its name does not say what it is. Let it end in ".csv" or ".yaml".`],
  };
}

function faulty(problems: string[]): SettingsError {
  const named = problems.slice(0, MAX_NAMED_PROBLEMS);
  if (problems.length > named.length) named.push(`and ${problems.length - named.length} more`);
  return new SettingsError(`The people map has faults:\n  ${named.join("\n  ")}`, {
    remedy: "Mend the named lines of the people files.",
  });
}

function compileDomains(domains: string[] | "*"): (address: string) => boolean {
  if (domains === "*" || domains.includes("*")) return () => true;
  const whole = new Set<string>();
  const below: string[] = [];
  for (const text of domains) {
    const domain = normalizeDomain(text.replace(/^\*\./, ""));
    if (domain === undefined || text.includes("@")) {
      throw new SettingsError(`"${text}" is not a domain.`, {
        remedy: 'Write a domain such as "contoso.example" or "*.contoso.example", or "*" for every one.',
      });
    }
    if (text.startsWith("*.")) below.push(`.${domain}`);
    else whole.add(domain);
  }
  return (address) => {
    const domain = address.slice(address.lastIndexOf("@") + 1);
    return whole.has(domain) || below.some((ending) => domain.endsWith(ending));
  };
}

function digestOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
