import type { CapturedEvent, Json } from "@hansard/core";
import type { MemoryJournal } from "@hansard/testkit";
import { fact } from "../../../tooling/servers/salesforce/index.ts";

/** Says what the archive holds in the words of the server's ground truth. */
export function archivedFacts(journal: MemoryJournal): Set<string> {
  const facts = journal.capturedEvents().flatMap(factsOf);
  const unseen = [...journal.gaps.keys()].filter((id) => id.startsWith("unseen:")).map((id) => fact("gap", id));
  const open = [...journal.gaps.keys()].filter((id) => !id.startsWith("unseen:")).map((id) => fact("open gap", id));
  return new Set([...facts, ...unseen, ...open]);
}

/** What is archived more than once. A file may be, since several events may name it. */
export function doubledFacts(journal: MemoryJournal): string[] {
  const seen = new Set<string>();
  const facts = journal.capturedEvents().flatMap((event) => own(event, idOf(event)));
  return facts.filter((text) => seen.has(text) || !seen.add(text));
}

function factsOf(event: CapturedEvent): string[] {
  const of = event.type === "FileVersion" ? at(event.data, "of") : event.key;
  const files = event.attachments.flatMap((file) =>
    "blob" in file ? [fact("file", of, file.id, file.blob.sha256)] : [],
  );
  return [...files, ...own(event, idOf(event))];
}

function idOf({ key }: CapturedEvent): string {
  return key.slice(key.lastIndexOf(":") + 1);
}

function own({ type, key, context, data }: CapturedEvent, id: string): string[] {
  const author = at(context, "author", "Id");
  switch (type) {
    case "Comment":
    case "Reply":
    case "Answer":
      return [
        fact(
          "comment",
          id,
          ...first(data, "FeedItemId", "ThreadParentId"),
          author,
          ...first(data, "CreatedDate", "CommentBody"),
        ),
      ];
    case "Edit":
      return [fact("edit", key, at(data, "revision", "Id"), author, at(data, "revision", "Value"), at(data, "after"))];
    case "Delete":
      return [fact("delete", key)];
    case "Like":
      return [fact("like", id, key.split(":")[1], author)];
    case "Unlike":
      return [fact("unlike", id)];
    case "Vote":
      return [fact("vote", id, key.split(":")[1], author, at(data, "reaction", "ChoiceBody"))];
    case "PrivateMessage": {
      const members = list(context["members"]).map((person) => at(person, "Id"));
      return [
        fact("message", id, author, members.join(), at(data, "message", "SentDate"), at(data, "message", "Body")),
      ];
    }
    case "GroupJoin":
      return [fact("join", id, at(context, "place", "Id"), author)];
    case "GroupLeave":
      return [fact("leave", id)];
    case "FileVersion":
      return [];
    default:
      return [postFact(type, data, id, author)];
  }
}

function postFact(type: string, data: Json, id: string, author: Json | undefined): string {
  const [kind] = first(data, "Type");
  const choices = list(at(data, "choices")).map((choice) => at(choice, "ChoiceBody"));
  const changes = list(at(data, "changes")).map((change) => `${at(change, "FieldName")}=${at(change, "NewValue")}`);
  if ((kind === "HologramPost") !== (type === "Other")) return fact("wrong type", type, kind);
  const said = first(data, "InsertedById", "CreatedDate", "Title", "Body");
  return fact("post", id, kind, author, ...said, choices.join() || changes.sort().join());
}

/** Fields as they stood at first: where an edit came before the read, the original stands beside the item. */
function first(data: Json, ...names: string[]): (Json | undefined)[] {
  const row = { ...object(at(data, "item")), ...object(at(data, "original")) };
  return names.map((name) => row[name]);
}

function at(value: Json | undefined, ...names: string[]): Json | undefined {
  return names.reduce<Json | undefined>((found, name) => object(found)[name], value);
}

function object(value: Json | undefined): { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
