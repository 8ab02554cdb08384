import { createHash } from "node:crypto";
import type { Logger } from "@hansard/core";
import type { Batch, DropFile, FileDescription } from "./batch.ts";
import { type Bounds, DEFAULT_BOUNDS } from "./bounds.ts";
import type { Drop, DropEntry, Listing } from "./drop.ts";
import { FileProblem } from "./file-problem.ts";
import { groupsOf } from "./groups.ts";
import type { Group } from "./groups.ts";
import type { LedgerBook } from "./ledger.ts";
import { companionOf, isUnfinishedName, signaturePaths, unwrapName } from "./names.ts";
import { fingerprintKeys, type PgpKeys } from "./pgp.ts";
import { gapId, type Refusal } from "./refusal.ts";
import { isAtRest, listAtRest } from "./rest.ts";
import type { CompletionSettings } from "./settings.ts";
import { readWhole, Spool } from "./spool.ts";
import { verifyFile } from "./verify-file.ts";

export interface DropReading {
  drop: Drop;
  /** Changed in place: what is at rest, awaited, refused. Store it in the checkpoint of every page. */
  ledger: LedgerBook;
  completion: CompletionSettings;
  keys?: PgpKeys | undefined;
  bounds?: Bounds;
  /** Where content is kept while it is verified. Absent: the system's temporary folder. */
  spoolFolder?: string | undefined;
  /** Names the reader's version. When it changes, as when keys or bounds do, refused files are tried again. */
  reader: string;
  /** `ignored` for what is never data; undefined for what is not known, which is refused by name. */
  describe(path: string): FileDescription | "manifest" | "ignored" | undefined;
  /** The names that a manifest lists, which may be paths or base names. */
  parseManifest?: (text: string) => string[];
  startedAt: Date;
  signal: AbortSignal;
  log: Logger;
}

const MAX_MANIFEST_BYTES = 16 * 1024 ** 2;

/**
 * Hands over the groups of files that are complete, in order, each file verified whole. A file counts as read only when
 * the caller marks it so; what cannot be believed is reported once, and tried again when it changes.
 */
export async function* readDrop(reading: DropReading): AsyncGenerator<Batch> {
  const run = new Run(reading, await listAtRest(reading));
  const general = run.emptyBatch("");
  general.refused = [...run.refuseOddities(), ...(await run.readManifests())];
  general.closed = run.forgetIgnored();
  if (general.refused.length > 0 || general.closed.length > 0) yield general;
  for (const group of groupsOf(reading, run.listing)) {
    reading.signal.throwIfAborted();
    await using spool = new Spool({ folder: reading.spoolFolder });
    const batch = await run.openGroup(group, spool);
    if (batch) yield batch;
  }
}

/** One look at the drop, with what was listed. It lives as long as `readDrop` runs. */
class Run {
  readonly listing: Listing;
  readonly #reading: DropReading;
  readonly #bounds: Bounds;
  readonly #attempt: string;
  readonly #now: string;

  constructor(reading: DropReading, listing: Listing) {
    this.#reading = reading;
    this.listing = listing;
    this.#bounds = reading.bounds ?? DEFAULT_BOUNDS;
    this.#now = reading.startedAt.toISOString();
    const settings = [reading.reader, fingerprintKeys(reading.keys), JSON.stringify(this.#bounds)];
    this.#attempt = createHash("sha256").update(settings.join("\n")).digest("hex").slice(0, 12);
  }

  emptyBatch(group: string): Batch {
    const refuse = (path: string, problem: FileProblem) => this.#refuse(this.#entry(path), problem);
    return { group, files: [], earlier: [], absent: [], refused: [], closed: [], since: this.#now, refuse };
  }

  /** Links, devices, names that mean nothing to the caller, and what never gets finished: told once, by name. */
  refuseOddities(): Refusal[] {
    const { describe, ledger } = this.#reading;
    const refused: Refusal[] = [];
    for (const { path, reason } of this.listing.oddities) {
      const entry = { path, size: 0, mtimeMs: 0 };
      if (describe(path) === "ignored" || !this.#isDue(entry)) continue;
      refused.push(
        this.#refuse(entry, new FileProblem(reason, { remedy: "Have the source leave a plain file in its place." })),
      );
    }
    for (const entry of this.listing.entries) {
      if (describe(entry.path) === "ignored" || this.#isCompanion(entry.path) || !this.#isDue(entry)) continue;
      const known = describe(entry.path) !== undefined;
      if (this.#isOverdue(entry)) {
        if (!ledger.get(entry.path)?.gap) refused.push({ ...this.#refuse(entry, unfinished()) });
        // The next run looks at it again, whatever the settings: its marker may come without a change of the file.
        ledger.set(entry.path, { ...this.#known(entry), state: "refused", gap: true, attempt: "unfinished" });
      } else if (!known && isAtRest(this.#reading, this.listing, entry)) {
        refused.push(this.#refuse(entry, unknownName()));
      }
    }
    return refused;
  }

  /** Paths that were refused and are said not to be data since. */
  forgetIgnored(): string[] {
    const { describe, ledger } = this.#reading;
    const ignored = [...ledger.values()].filter(({ path, gap }) => gap && describe(path) === "ignored");
    for (const { path } of ignored) ledger.delete(path);
    return ignored.map(({ path }) => gapId(path));
  }

  /** Reads the manifests that are new, and notes in the ledger what they name and is not there. */
  async readManifests(): Promise<Refusal[]> {
    const { describe, ledger, parseManifest } = this.#reading;
    const refused: Refusal[] = [];
    for (const entry of this.listing.entries) {
      if (describe(entry.path) !== "manifest" || !this.#isDue(entry) || !isAtRest(this.#reading, this.listing, entry))
        continue;
      try {
        await using spool = new Spool({ folder: this.#reading.spoolFolder });
        const file = await this.#verify(entry, spool);
        const text = Buffer.from(await readWhole(file.open(), MAX_MANIFEST_BYTES)).toString("utf8");
        for (const name of parseManifest?.(text) ?? []) this.#await(name);
        ledger.set(entry.path, {
          ...this.#known(entry),
          state: "read",
          sha256: file.delivered.sha256,
          content: file.sha256,
        });
      } catch (error) {
        if (!(error instanceof FileProblem)) throw error;
        refused.push(this.#refuse(entry, error));
      }
    }
    return refused;
  }

  /** The group's files, or undefined where there is nothing new or something is still to come. */
  async openGroup(group: Group, spool: Spool): Promise<Batch | undefined> {
    const { ledger, log } = this.#reading;
    const absent = group.awaited.filter((path) => this.#isTooLate(path));
    const due = group.entries.filter((entry) => this.#isDue(entry));
    if (due.length === 0 && absent.length === 0) return undefined;
    const waits = group.awaited.some((path) => !absent.includes(path) && !ledger.get(path)?.gap);
    if (waits || !due.every((entry) => isAtRest(this.#reading, this.listing, entry))) {
      log.info("Files of a group are not complete yet and are left for a later run.", { group: group.name });
      return undefined;
    }
    const batch = { ...this.emptyBatch(group.name), absent };
    for (const path of absent) ledger.set(path, { ...this.#known(this.#entry(path)), state: "awaited", gap: true });
    for (const entry of due) await this.#openFile(entry, spool, batch);
    batch.earlier = group.entries
      .filter((entry) => ledger.get(entry.path)?.state === "read")
      .map((entry) => ({ path: entry.path, verify: () => this.#verify(entry, spool) }));
    return batch;
  }

  async #openFile(entry: DropEntry, spool: Spool, batch: Batch): Promise<void> {
    const { since } = this.#known(entry);
    if (since < batch.since) batch.since = since;
    try {
      batch.files.push(await this.#verify(entry, spool, batch.files));
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      batch.refused.push(this.#refuse(entry, error));
    }
  }

  async #verify(entry: DropEntry, spool: Spool, beside: DropFile[] = []): Promise<DropFile> {
    const { drop, keys, ledger } = this.#reading;
    const paths = signaturePaths(entry.path);
    const signature = this.listing.entries.find(({ path }) => paths.includes(path));
    const file = await verifyFile(entry, { drop, spool, bounds: this.#bounds, keys, signature });
    const before = ledger.get(entry.path);
    const changed = before?.content !== undefined && before.content !== file.sha256;
    const sameAs = before?.content === file.sha256 ? entry.path : twin(ledger, file, beside);
    return { ...file, revision: (before?.revision ?? 1) + (changed ? 1 : 0), ...(sameAs !== undefined && { sameAs }) };
  }

  #refuse(entry: DropEntry, problem: FileProblem): Refusal {
    const known = { ...this.#known(entry), size: entry.size, mtimeMs: entry.mtimeMs };
    this.#reading.ledger.set(entry.path, { ...known, state: "refused", gap: true, attempt: this.#attempt });
    return { path: entry.path, reason: problem.message, remedy: problem.remedy, position: problem.position };
  }

  /** Whether there is something to do for a file: it is new, it changed, or it was refused under other settings. */
  #isDue({ path }: DropEntry): boolean {
    const known = this.#reading.ledger.get(path);
    return !known || known.state === "seen" || (known.state === "refused" && known.attempt !== this.#attempt);
  }

  /** Whether a file has been at rest for the time of grace and still is not said to be finished. */
  #isOverdue(entry: DropEntry): boolean {
    const { completion } = this.#reading;
    const lacksMarker = completion.marker && !isAtRest(this.#reading, this.listing, entry);
    if (!lacksMarker && !isUnfinishedName(entry.path)) return false;
    return this.#isOlderThanGrace(this.#known(entry).since);
  }

  #isTooLate(path: string): boolean {
    const known = this.#reading.ledger.get(path);
    return known?.state === "awaited" && !known.gap && this.#isOlderThanGrace(known.since);
  }

  #isOlderThanGrace(since: string): boolean {
    const { completion, startedAt } = this.#reading;
    return startedAt.getTime() - Date.parse(since) >= completion.graceHours * 3_600_000;
  }

  #await(path: string): void {
    const { ledger } = this.#reading;
    const { name } = unwrapName(path);
    const isThere = this.listing.entries.some((entry) => unwrapName(entry.path).name === name);
    const wasThere = [...ledger.keys()].some((known) => unwrapName(known).name === name);
    if (!isThere && !wasThere) ledger.set(path, { ...this.#known(this.#entry(path)), state: "awaited" });
  }

  #isCompanion(path: string): boolean {
    return companionOf(path) !== undefined && this.#reading.describe(path) === undefined;
  }

  #entry(path: string): DropEntry {
    return this.listing.entries.find((entry) => entry.path === path) ?? { path, size: 0, mtimeMs: 0 };
  }

  #known(entry: DropEntry) {
    const fresh = { ...entry, state: "seen" as const, since: this.#now, listed: this.#now };
    return this.#reading.ledger.get(entry.path) ?? fresh;
  }
}

/** A file with the same content under another path: a copy in an archive folder, one packed anew, or one renamed. */
function twin(ledger: LedgerBook, file: { path: string; sha256: string }, beside: DropFile[]): string | undefined {
  const read = [...ledger.values()].find(
    ({ path, state, content }) => path !== file.path && state === "read" && content === file.sha256,
  );
  return read?.path ?? beside.find(({ sha256 }) => sha256 === file.sha256)?.path;
}

function unknownName(): FileProblem {
  return new FileProblem("Its name is not one that this source is known to use.", {
    remedy: "Name it in `ignore` if it is not data; else report the name, so that it can be read.",
  });
}

function unfinished(): FileProblem {
  return new FileProblem("It has been at rest for long, and nothing says that its writer finished it.", {
    remedy: "Look after the transfer that writes it. It is read when it is marked as finished.",
  });
}
