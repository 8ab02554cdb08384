import type { CapturedEvent, Json } from "@hansard/core";
import type { MemoryJournal } from "@hansard/testkit";
import { fact } from "../../../tooling/servers/slack/index.ts";
import { isObject, objectAt, stringAt } from "../src/schema/json.ts";

/** Says what the archive holds in the words of the server's ground truth. */
export function archivedFacts(journal: MemoryJournal): Set<string> {
  return new Set(journal.capturedEvents().flatMap(factsOf));
}

/** What is archived more than once. A file may be, since each version of a message names those that it has. */
export function doubledFacts(journal: MemoryJournal): string[] {
  const seen = new Set<string>();
  const doubled: string[] = [];
  for (const text of journal.capturedEvents().flatMap(factsOf)) {
    const [kind, ...rest] = JSON.parse(text) as string[];
    if (kind !== "file" && seen.has(text)) doubled.push(text);
    seen.add(text);
    // A reaction that was taken back may be given again.
    if (kind === "reaction") seen.delete(fact("unreaction", ...rest));
    if (kind === "unreaction") seen.delete(fact("reaction", ...rest));
  }
  return doubled;
}

function factsOf(event: CapturedEvent): string[] {
  const { type, key, version, data, attachments } = event;
  const [channel = "", rest = ""] = key.split(/:(.*)/);
  const [ts = "", suffix = ""] = rest.split(/#(.*)/);
  const files = attachments.flatMap((file) =>
    "blob" in file ? [fact("file", channel, ts, file.id, file.blob.sha256)] : [],
  );
  if (type === "Delete") return [fact("delete", channel, ts)];
  if (suffix.startsWith("reaction/")) {
    const kind = type === "Reaction" ? "reaction" : "unreaction";
    const item = objectAt(data, "item");
    if (stringAt(item, "ts") !== ts) return [fact("wrong reaction", key)];
    return [fact(kind, channel, ts, stringAt(data, "reaction") ?? "", stringAt(data, "user") ?? "")];
  }
  if (version.startsWith("file/")) return files;
  if (suffix.startsWith("file-deleted/"))
    return [fact("file-deleted", channel, ts, suffix.slice("file-deleted/".length))];
  if (suffix === "rename") return type === "Rename" ? [] : [fact("wrong rename", key)];
  if (version === "hidden") return [fact("hidden", channel, ts)];
  const said = objectAt(data, "message") ?? data;
  return [fact("message", channel, ts, version, textOf(said)), ...files];
}

function textOf(data: Json): string {
  return isObject(data) ? (stringAt(data, "text") ?? "") : "";
}
