import { matchesGlob } from "node:path/posix";
import type { FileDescription } from "@hansard/file-drop";
import { unwrapName } from "@hansard/file-drop";

/** `mail`, `chat` and `disclaimers` are XML; `attachments` is an archive. */
export interface BloombergName {
  kind: "mail" | "chat" | "disclaimers" | "attachments";
  /** Chat comes in two formats, which are never both read. */
  format: "msg" | "ib" | "ib19" | "dscl" | "att";
  /** The firm's letter and digits. */
  firm: string;
  /** As `YYYY-MM-DD`. */
  day: string;
  /** Parts above about 1 GB have numbers; the first is 0. */
  part: number;
}

const XML = /^([a-z]\d+)\.(msg|dscl|ib|ib19)\.(\d{6})\.xml(\d*)$/i;
const ATTACHMENTS = /^([a-z]\d+)\.(?:(msg|ib|ib19)\.)?att\.(\d{6})(?:\.(\d+))?\.(?:tar|zip)$/i;
const KINDS = { msg: "mail", ib: "chat", ib19: "chat", dscl: "disclaimers" } as const;
const ORDER = { disclaimers: 0, attachments: 1, mail: 2, chat: 3 };

/** Reads a file's name, whatever folder it lies in and however it is wrapped. */
export function parseName(path: string): BloombergName | undefined {
  const { name } = unwrapName(path);
  const xml = XML.exec(name);
  if (xml) {
    const format = formatOf(xml[2]);
    const day = dayOf(xml[3]);
    if (!format || !day) return undefined;
    return { kind: KINDS[format], format, firm: (xml[1] ?? "").toLowerCase(), day, part: Number(xml[4] ?? "") };
  }
  const attachments = ATTACHMENTS.exec(name);
  const day = dayOf(attachments?.[3]);
  if (!attachments || !day) return undefined;
  return {
    kind: "attachments",
    format: "att",
    firm: (attachments[1] ?? "").toLowerCase(),
    day,
    part: Number(attachments[4] ?? 0),
  };
}

function formatOf(text = ""): keyof typeof KINDS | undefined {
  const format = text.toLowerCase();
  return format === "msg" || format === "ib" || format === "ib19" || format === "dscl" ? format : undefined;
}

function dayOf(text = ""): string | undefined {
  const day = `20${text.slice(0, 2)}-${text.slice(2, 4)}-${text.slice(4, 6)}`;
  return Number.isNaN(Date.parse(day)) ? undefined : day;
}

/** A firm's files of one day belong together: messages need the disclaimers and attachments beside them. */
export function describe(path: string, ignore: string[]): FileDescription | "manifest" | "ignored" | undefined {
  const { name } = unwrapName(path);
  if (ignore.some((pattern) => matchesGlob(path, pattern))) return "ignored";
  if (/^daily_manifest_(current|\d{6})\.txt$/i.test(name)) return "manifest";
  if (/^daily_manifest.*\.html?$/i.test(name)) return "ignored";
  const parsed = parseName(path);
  if (!parsed) return undefined;
  const { firm, day, kind, part } = parsed;
  return { group: `${firm}.${day}`, order: `${day}.${firm}.${ORDER[kind]}.${String(part).padStart(4, "0")}` };
}

/** One name a line. Signatures are listed too; they are checked with their files. */
export function parseManifest(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !/\.sig$/i.test(line));
}
