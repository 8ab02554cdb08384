import { createHash, type Hash } from "node:crypto";
import type { Json } from "@hansard/core";
import { parseJson, stringAt, stringsAt } from "../schema/json.ts";
import { ElementScanner } from "./elements.ts";
import { DamagedFileError, type ExportFiles } from "./export-files.ts";
import type { MembershipChange } from "./membership.ts";
import type { ConversationFiles, SourceFile } from "./workspaces.ts";

/** What a first, cheap pass over a conversation finds: which files changed, who came and went, and who occurs. */
export interface Survey {
  /** Unit → SHA-256 of its files, one after the other. */
  sha256: Map<string, string>;
  changes: MembershipChange[];
  /** User and bot ids that occur anywhere, where asked for. */
  occurring: Set<string> | undefined;
}

const WHOLE_BYTES = 4 * 1024 * 1024;
const ID = /[UWB][A-Z0-9]{6,}/g;
const LONGEST_ID = 40;
const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 32 };
const MARKS = ['_join"', '_leave"', '_archive"'].map((mark) => Buffer.from(mark));

export async function surveyConversation(
  files: ExportFiles,
  { units }: ConversationFiles,
  collectIds: boolean,
  signal: AbortSignal,
): Promise<Survey> {
  const survey: Survey = { sha256: new Map(), changes: [], occurring: collectIds ? new Set() : undefined };
  for (const [unit, sources] of units) {
    signal.throwIfAborted();
    const hash = createHash("sha256");
    for (const source of sources) await surveyFile(files, source, hash, survey);
    survey.sha256.set(unit, hash.digest("hex"));
  }
  survey.changes.sort((one, other) => (one.ts < other.ts ? -1 : Number(one.ts > other.ts)));
  return survey;
}

async function surveyFile(files: ExportFiles, { member }: SourceFile, hash: Hash, survey: Survey): Promise<void> {
  const scanner = new ElementScanner(LIMITS);
  let tail = "";
  try {
    for await (const chunk of files.read(member)) {
      hash.update(chunk);
      if (survey.occurring) tail = collectIds(tail, chunk, survey.occurring);
      // A small file comes in one piece; most hold no join and need no second look.
      const whole = chunk.length === member.size && chunk.length <= WHOLE_BYTES;
      if (whole && !mentionsMembership(chunk)) continue;
      for (const element of scanner.push(chunk)) {
        if ("bytes" in element && mentionsMembership(element.bytes)) addChange(element.bytes, survey.changes);
      }
    }
  } catch (error) {
    // The main pass declares the gap; a file that is read further next time must not look unchanged.
    if (!(error instanceof DamagedFileError)) throw error;
    hash.update(`\n${error.message}`);
  }
}

function mentionsMembership(bytes: Buffer): boolean {
  return MARKS.some((mark) => bytes.includes(mark));
}

function collectIds(tail: string, chunk: Buffer, ids: Set<string>): string {
  const text = tail + chunk.toString("latin1");
  for (const [id] of text.matchAll(ID)) if (id.length <= LONGEST_ID) ids.add(id);
  return text.slice(-LONGEST_ID);
}

function addChange(bytes: Buffer, changes: MembershipChange[]): void {
  let element: Json;
  try {
    element = parseJson(bytes.toString());
  } catch {
    return;
  }
  changes.push(...changesIn(element));
}

/** Who came or went by a message that says so. */
export function changesIn(element: Json): MembershipChange[] {
  const ts = stringAt(element, "ts");
  const user = stringAt(element, "user");
  if (ts === undefined || !/^\d{10}\.\d{1,6}$/.test(ts)) return [];
  const subtype = stringAt(element, "subtype") ?? "";
  if (/^(channel|group)_join$/.test(subtype) && user) return [{ ts, joined: [user], left: [] }];
  if (/^(channel|group)_leave$/.test(subtype) && user) return [{ ts, joined: [], left: [user] }];
  const members = stringsAt(element, "members");
  if (/^(channel|group)_archive$/.test(subtype) && members.length > 0)
    return [{ ts, joined: [], left: [], present: members }];
  return [];
}
