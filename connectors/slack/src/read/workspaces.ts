import { SettingsError } from "@hansard/core";
import {
  type Conversation,
  type ConversationKind,
  type People,
  readChannelNames,
  readConversations,
  readPeople,
} from "./directory.ts";
import type { ExportFiles, Listing, Member } from "./export-files.ts";
import { addConversations } from "./places.ts";
import { addRootFiles, MARKS, uploadIn } from "./root-files.ts";

/** A directory of the export that holds channels.json or its like: the whole export, or one workspace of a Grid. */
export interface Workspace {
  /** As the settings or the export's folders name it. It stands in the names of claims. */
  label: string;
  /** The directory's path in the export, with a `/` at its end; empty at the top. */
  folder: string;
  people: People;
  channelNames: Record<string, string>;
  /** What could not be read of its directory files, a sentence each, by a stable id. */
  problems: { id: string; reason: string }[];
}

/** A file with messages, or what else lies in a conversation's folder. */
export interface SourceFile {
  member: Member;
  /** `<workspace>/<folder>/<file>`, with a number where the zip holds the path more than once. */
  label: string;
}

/** One conversation with the files of each of its days. A Grid may hold parts of a shared channel in several workspaces. */
export interface ConversationFiles {
  conversation: Conversation;
  workspace: Workspace;
  /** Day (`2026-01-31`), or the name of another file, → its files. Ordered. */
  units: Map<string, SourceFile[]>;
  /** Files of its folder that were not opened. */
  refused: Listing["refused"];
}

/** What an export holds. */
export interface Catalogue {
  workspaces: Workspace[];
  conversations: Map<string, ConversationFiles>;
  /** File id → its bytes in the export, where a tool put them there. */
  uploads: Map<string, Member>;
  refused: Listing["refused"];
  /** Of all conversations together. Absent in an export without a day. */
  firstDay?: string;
  lastDay?: string;
}

const DIRECTORY_FILES: Record<string, ConversationKind> = {
  channels: "channel",
  groups: "private",
  mpims: "mpim",
  dms: "im",
};

export async function readCatalogue(
  files: ExportFiles,
  exportName: string,
  workspaceName: string | undefined,
): Promise<Catalogue> {
  const { members, refused } = await files.list();
  const folders = workspaceFolders(members);
  if (folders.length === 0) throw notAnExport(exportName);
  const catalogue: Catalogue = { workspaces: [], conversations: new Map(), uploads: findUploads(members), refused };
  const byPath = new Map(members.map((member) => [member.path, member]));
  let inherited: People = {};
  for (const folder of folders) {
    const label = labelOf(folder, folders[0] ?? "", workspaceName);
    const problems: Workspace["problems"] = refused
      .filter(({ path }) => MARKS.has(path.slice(folder.length)))
      .map(({ path, reason }) => ({ id: path, reason: `${path} ${reason}.` }));
    const people = await readPeople(
      files,
      ["org_users.json", "users.json"].map((name) => byPath.get(folder + name)),
      inherited,
      problems,
    );
    // A Grid names its people at the top; its workspaces may name their own.
    if (folder === folders[0]) inherited = people;
    const listed = await readConversations(
      files,
      Object.entries(DIRECTORY_FILES).map(([name, kind]) => ({ kind, member: byPath.get(`${folder}${name}.json`) })),
      label,
      problems,
    );
    const workspace: Workspace = { label, folder, people, channelNames: readChannelNames(listed), problems };
    catalogue.workspaces.push(workspace);
    addConversations(catalogue, workspace, folders, members, listed);
  }
  addRootFiles(catalogue, members);
  for (const place of catalogue.conversations.values())
    place.units = new Map([...place.units].sort(([one], [other]) => (one < other ? -1 : 1)));
  return catalogue;
}

function notAnExport(exportName: string): SettingsError {
  return new SettingsError(
    `"${exportName}" is no Slack export: no folder in it holds channels.json, dms.json or users.json.`,
    {
      remedy: "Set `export` to the zip that Slack made, or to the folder it was unpacked to.",
    },
  );
}

/** The shallowest first. */
function workspaceFolders(members: Member[]): string[] {
  const folders = new Set<string>();
  for (const { path } of members) {
    const cut = path.lastIndexOf("/") + 1;
    if (MARKS.has(path.slice(cut)) && !path.startsWith("__MACOSX/")) folders.add(path.slice(0, cut));
  }
  return [...folders].sort((one, other) => depthOf(one) - depthOf(other) || (one < other ? -1 : 1));
}

function depthOf(folder: string): number {
  return folder.split("/").length;
}

function labelOf(folder: string, top: string, name: string | undefined): string {
  const nested = folder.startsWith(top) ? folder.slice(top.length) : folder;
  return [name ?? (nested === "" ? "workspace" : undefined), nested.replace(/\/$/, "").replace(/^teams\//, "")]
    .filter(Boolean)
    .join("/");
}

function findUploads(members: Member[]): Map<string, Member> {
  const uploads = new Map<string, Member>();
  for (const member of members) {
    const id = uploadIn(member.path);
    if (id !== undefined && !uploads.has(id)) uploads.set(id, member);
  }
  return uploads;
}
