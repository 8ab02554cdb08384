import { digest } from "../schema/json.ts";
import type { Unit } from "./element-reading.ts";
import { DamagedFileError, type ExportFiles } from "./export-files.ts";
import { isWholeFile } from "./root-files.ts";
import type { Catalogue, SourceFile } from "./workspaces.ts";

const ID = /F[A-Z0-9]{2,40}/g;
const LONGEST_ID = 41;

/** Tells the uploads of one export from those of another without reading them: by the names and sizes of all its files. */
export function uploadsDigest({ uploads, conversations }: Catalogue): string {
  const messages = [...conversations.values()].flatMap(({ units }) => [...units.values()].flat());
  const members = [...uploads.values(), ...messages.map(({ member }) => member)];
  return digest(
    members.map(({ path, size }) => [path, size]),
    64,
  );
}

/** Files that a tool put into the export and that no message names. Each is archived as it lies there. */
export async function unnamedUploads(files: ExportFiles, catalogue: Catalogue, signal: AbortSignal): Promise<Unit[]> {
  const { uploads, conversations, workspaces } = catalogue;
  const unnamed = new Map(uploads);
  for (const place of conversations.values()) {
    for (const [unit, sources] of place.units) {
      signal.throwIfAborted();
      if (unnamed.size === 0) return [];
      if (!isWholeFile(place, unit)) for (const source of sources) await strikeNamed(files, source, unnamed);
    }
  }
  const label = workspaces[0]?.label ?? "workspace";
  return [...unnamed.values()].map((member) => ({
    name: member.path,
    sources: [{ member, label: `${label}/${member.path}` }],
    claimSuffix: "",
    before: undefined,
    known: new Map(),
    missing: new Set(),
  }));
}

async function strikeNamed(files: ExportFiles, { member }: SourceFile, unnamed: Map<string, unknown>): Promise<void> {
  let tail = "";
  try {
    for await (const chunk of files.read(member)) {
      const text = tail + chunk.toString("latin1");
      for (const [id] of text.matchAll(ID)) unnamed.delete(id);
      tail = text.slice(-LONGEST_ID);
    }
  } catch (error) {
    // What cannot be read is a gap of its own.
    if (!(error instanceof DamagedFileError)) throw error;
  }
}
