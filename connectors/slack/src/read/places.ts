import type { Conversation } from "./directory.ts";
import type { Member } from "./export-files.ts";
import type { Catalogue, ConversationFiles, SourceFile, Workspace } from "./workspaces.ts";

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Finds the files of each conversation of a workspace, and those that were refused. */
export function addConversations(
  catalogue: Catalogue,
  workspace: Workspace,
  folders: string[],
  members: Member[],
  listed: Conversation[],
): void {
  const byFolderName = new Map<string, Conversation>();
  for (const conversation of listed) byFolderName.set(conversation.name, conversation);
  for (const conversation of listed) byFolderName.set(conversation.id, conversation);
  const seen = new Map<string, number>();
  for (const member of members) {
    const [name, file] = placeOf(member.path, workspace, folders);
    if (name === undefined || file === undefined) continue;
    const times = (seen.get(member.path) ?? 0) + 1;
    seen.set(member.path, times);
    const label = `${workspace.label}/${name}/${file}${times > 1 ? ` (${times})` : ""}`;
    const place = placeFor(catalogue, workspace, byFolderName.get(name) ?? unlisted(name, workspace.label));
    addFile(catalogue, place, file.slice(0, -".json".length), { member, label });
  }
  for (const refusal of catalogue.refused) {
    const [name] = placeOf(refusal.path, workspace, folders);
    if (name !== undefined)
      placeFor(catalogue, workspace, byFolderName.get(name) ?? unlisted(name, workspace.label)).refused.push(refusal);
  }
}

/** The folder and file of a file with messages. */
function placeOf(path: string, workspace: Workspace, folders: string[]): [folder?: string, file?: string] {
  if (!path.startsWith(workspace.folder) || !path.endsWith(".json")) return [];
  const [name, file, ...deeper] = path.slice(workspace.folder.length).split("/");
  if (name === undefined || file === undefined || deeper.length > 0 || !isConversationFolder(workspace, folders, name))
    return [];
  return [name, file];
}

function isConversationFolder(workspace: Workspace, folders: string[], name: string): boolean {
  return (
    name !== "" &&
    name !== ".." &&
    name !== "__uploads" &&
    name !== "__MACOSX" &&
    name !== "attachments" &&
    !folders.includes(`${workspace.folder}${name}/`)
  );
}

/** A folder that no directory file lists keeps its name as its id. */
function unlisted(name: string, workspace: string): Conversation {
  return {
    id: name,
    name,
    kind: name.startsWith("mpdm-") ? "mpim" : /^D[A-Z0-9]{8,}$/.test(name) ? "im" : "channel",
    workspace,
    members: [],
    details: {},
  };
}

function placeFor({ conversations }: Catalogue, workspace: Workspace, conversation: Conversation): ConversationFiles {
  const known = conversations.get(conversation.id);
  if (known) return known;
  const place: ConversationFiles = { conversation, workspace, units: new Map(), refused: [] };
  conversations.set(conversation.id, place);
  return place;
}

function addFile(catalogue: Catalogue, { units }: ConversationFiles, unit: string, source: SourceFile): void {
  if (DAY.test(unit)) {
    if (catalogue.firstDay === undefined || unit < catalogue.firstDay) catalogue.firstDay = unit;
    if (catalogue.lastDay === undefined || unit > catalogue.lastDay) catalogue.lastDay = unit;
  }
  const sources = units.get(unit);
  if (sources) sources.push(source);
  else units.set(unit, [source]);
}
