import { FileProblem, type Spool, type VerifiedFile } from "@hansard/file-drop";
import { PIECE_BYTES, RecordSpool } from "./record-spool.ts";
import { detached, Users } from "./users.ts";
import { ELEMENT, readTrees, type Tree } from "./tree.ts";

/** What became of one file: records on disk, and in memory only what later files must know of it. */
export interface Parsed {
  file: VerifiedFile;
  kind: "mail" | "chat";
  version: string;
  records: RecordSpool;
  /** One for each conversation, in their order; they are complete only at the conversation's end. */
  conversations: RecordSpool;
  /** The people of its conversations. A record has a number in the place of each. */
  users: Users;
  /** How many elements of the file are events. */
  events: number;
  /** Names of attachments that its events refer to. */
  files: Set<string>;
  disclaimerReferences: Set<string>;
  /** Disclaimers that stand in this file itself. */
  disclaimers: Map<string, string>;
  /** The file that goes on where this one ends. */
  nextFile: string | undefined;
}

/** Stands among the records for a conversation's beginning. */
export const CONVERSATION = "#conversation";

export interface ParsedConversation extends Tree {
  header: Tree;
  /** People who were there before the first event that names them. */
  initial: Tree[];
}

/**
 * Reads a mail, chat or disclaimer file from end to end before anything of it is used. Ends with a FileProblem where it
 * is not a whole and well-formed file.
 */
export async function parse(file: VerifiedFile, kind: "mail" | "chat", spool: Spool): Promise<Parsed> {
  const records = await RecordSpool.open(spool);
  const conversations = await RecordSpool.open(spool);
  const parsed: Parsed = {
    file,
    kind,
    version: "",
    records,
    conversations,
    users: new Users(),
    events: 0,
    files: new Set(),
    disclaimerReferences: new Set(),
    disclaimers: new Map(),
    nextFile: undefined,
  };
  const collecting = new Collecting(parsed);
  await readTrees(flushing(file.open({ reuse: true, pieceBytes: PIECE_BYTES }), parsed), {
    takes: (name, depth) => depth === 2 || (depth === 1 && name !== "Conversation"),
    taken: (name, value, depth) => collecting.taken(name, value, depth),
    opened: (name, attributes, depth) => collecting.opened(name, attributes, depth),
    closed: (name, depth) => collecting.closed(name, depth),
  });
  if (parsed.version === "") throw new FileProblem("It lacks the element Version, which Bloomberg's files begin with.");
  return parsed;
}

/** Between two chunks the parser holds still, and records can go to disk. */
async function* flushing(
  content: AsyncIterable<Uint8Array>,
  { records, conversations }: Parsed,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    yield chunk;
    const written = records.flush() ?? conversations.flush();
    if (written) await written;
  }
}

/** One pass over a file. It lives as long as `parse` runs. */
class Collecting {
  readonly #parsed: Parsed;
  #header: Tree = {};
  #initial: Tree[] = [];
  #named = new Set<string>();

  constructor(parsed: Parsed) {
    this.#parsed = parsed;
  }

  opened(name: string, attributes: Record<string, string>, depth: number): void {
    if (depth === 0 && name !== "FileDump") {
      throw new FileProblem(`Its outermost element is ${name} and not FileDump: it is not a file of Bloomberg's.`);
    }
    if (depth !== 1) return;
    this.#header = {};
    for (const [attribute, value] of Object.entries(attributes)) this.#header[`@${attribute}`] = value;
    this.#initial = [];
    this.#named = new Set();
    this.#parsed.records.add({ [ELEMENT]: CONVERSATION });
  }

  closed(_name: string, depth: number): void {
    if (depth !== 1) return;
    const conversation: ParsedConversation = { header: this.#header, initial: this.#initial };
    this.#parsed.conversations.add(conversation);
  }

  taken(name: string, value: Tree | string, depth: number): void {
    const parsed = this.#parsed;
    if (depth === 1 && name === "Version" && typeof value === "string") parsed.version = value.trim();
    else if (depth === 1 && name === "NextFile" && typeof value === "string")
      parsed.nextFile = value.trim() || undefined;
    else if (depth === 1 && name === "Disclaimer" && this.#isDisclaimer(value)) return;
    else if (depth === 2 && typeof value === "string" && HEADER.has(name)) this.#header[name] = value;
    else this.#event(name, value, depth === 2);
  }

  #isDisclaimer(value: Tree | string): boolean {
    if (typeof value === "string") return false;
    const { DisclaimerReference: reference, DisclaimerText: text } = value;
    if (typeof reference !== "string" || typeof text !== "string") return false;
    this.#parsed.disclaimers.set(detached(reference.trim()), detached(text));
    return true;
  }

  #event(name: string, value: Tree | string, inConversation: boolean): void {
    const parsed = this.#parsed;
    const data = typeof value === "string" ? { "#text": value } : value;
    data[ELEMENT] = name;
    parsed.events += 1;
    if (inConversation) {
      if (name === "Attachment") this.#refersTo(data);
      for (const role of ROLES) if (role in data) this.#meets(name, data, role);
    }
    parsed.records.add(data);
    if (inConversation) return;
    const { Attachment: attachments, DisclaimerReference: reference } = data;
    if (Array.isArray(attachments)) for (const attachment of attachments) this.#refersTo(attachment);
    if (typeof reference === "string") parsed.disclaimerReferences.add(detached(reference.trim()));
  }

  #refersTo(attachment: unknown): void {
    const name = fileNameOf(attachment);
    if (name !== undefined) this.#parsed.files.add(detached(name));
  }

  /** Whoever acts without having entered was there before: files begin at midnight, in the middle of conversations. */
  #meets(event: string, data: Tree, role: string): void {
    const user = data[role];
    if (typeof user !== "object" || user === null || Array.isArray(user)) return;
    data[role] = this.#parsed.users.intern(user);
    const login = user["LoginName"];
    if (typeof login !== "string" || login === "" || role === "Invitee" || this.#named.has(login)) return;
    this.#named.add(login);
    if (event !== "ParticipantEntered") this.#initial.push(user);
  }
}

const HEADER = new Set(["RoomID", "StartTime", "StartTimeUTC", "EndTime", "EndTimeUTC"]);
const ROLES = ["User", "Inviter", "Invitee"];

/** The name under which an attachment's content is looked for; undefined for a mere reference. */
export function fileNameOf(attachment: unknown): string | undefined {
  if (typeof attachment !== "object" || attachment === null) return undefined;
  const { FileID: id, FileName: name }: { FileID?: unknown; FileName?: unknown } = attachment;
  if (typeof id === "string" && id.trim() !== "") return id.trim();
  return typeof name === "string" && name.trim() !== "" ? name.trim() : undefined;
}
