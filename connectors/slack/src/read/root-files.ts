import type { Member } from "./export-files.ts";
import type { Catalogue, ConversationFiles, SourceFile, Workspace } from "./workspaces.ts";

/** A folder that holds one of these is a workspace: they name its people and conversations. */
export const MARKS = new Set([
  "channels.json",
  "groups.json",
  "mpims.json",
  "dms.json",
  "users.json",
  "org_users.json",
]);
/** Files of a workspace that list what belongs to no conversation. What any other file holds, nobody says. */
const LISTS = new Set(["canvases.json", "lists.json", "integration_logs.json"]);
/** What computers add on which an export is packed and unpacked. */
const CLUTTER_FILE = /(?:^|\/)(?:\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$|^__MACOSX\//;
const CLUTTER = "clutter";
const ROOT = "workspace";
const UPLOAD = /(?:^|\/)(?:__uploads\/(F[A-Z0-9]+)\/[^/]+|attachments\/(F[A-Z0-9]+)-[^/]+)$/;

/** The id of the file whose bytes a tool put there, if it did. */
export function uploadIn(path: string): string | undefined {
  const [, under, beside] = UPLOAD.exec(path) ?? [];
  return under ?? beside;
}

/**
 * Puts every file that names nobody and holds no conversation under the workspace itself, so that none is ignored. A
 * list is a unit as a day is, and so is each file that is archived as it lies there.
 */
export function addRootFiles(catalogue: Catalogue, members: Member[]): void {
  const { workspaces, conversations } = catalogue;
  const [top] = workspaces;
  if (!top) return;
  if (catalogue.uploads.size > 0) placeFor(catalogue, top, top);
  const sources = [...conversations.values()].flatMap(({ units }) => [...units.values()].flat());
  const placed = new Set(sources.map(({ member }) => member));
  for (const member of members) {
    if (placed.has(member) || uploadIn(member.path) !== undefined) continue;
    const workspace = workspaces.findLast(({ folder }) => member.path.startsWith(folder)) ?? top;
    const path = member.path.startsWith(workspace.folder) ? member.path.slice(workspace.folder.length) : member.path;
    if (!MARKS.has(path)) addSource(placeFor(catalogue, workspace, top), path, member);
  }
}

function placeFor({ conversations }: Catalogue, workspace: Workspace, top: Workspace): ConversationFiles {
  const nested = workspace.folder.slice(top.folder.length).replace(/\/$/, "");
  const id = nested === "" ? ROOT : `${ROOT}/${nested}`;
  const known = conversations.get(id);
  if (known) return known;
  const { label } = workspace;
  const conversation = { id, name: label, kind: "workspace" as const, workspace: label, members: [], details: {} };
  const place: ConversationFiles = { conversation, workspace, units: new Map(), refused: [] };
  conversations.set(id, place);
  return place;
}

function addSource({ workspace, units }: ConversationFiles, path: string, member: Member): void {
  const unit = CLUTTER_FILE.test(member.path) ? CLUTTER : LISTS.has(path) ? path.slice(0, -".json".length) : path;
  const sources: SourceFile[] = units.get(unit) ?? [];
  const label = `${workspace.label}/${path}`;
  const times = sources.filter((source) => source.label.startsWith(label)).length;
  sources.push({ member, label: times === 0 ? label : `${label} (${times + 1})` });
  units.set(unit, sources);
}

/** Whether what lies in the export and belongs to no workspace in particular is read with this place. */
export function isRoot({ conversation }: ConversationFiles): boolean {
  return conversation.kind === "workspace" && conversation.id === ROOT;
}

/** Whether a unit is nothing that anybody said or made. */
export function isClutter({ conversation }: ConversationFiles, unit: string): boolean {
  return conversation.kind === "workspace" && unit === CLUTTER;
}

/** Whether a unit is a file that is archived as it is. */
export function isWholeFile({ conversation }: ConversationFiles, unit: string): boolean {
  return conversation.kind === "workspace" && unit !== CLUTTER && !LISTS.has(`${unit}.json`);
}
