import type { CapturedEvent } from "@hansard/core";
import { fact } from "../../../tooling/servers/salesforce/index.ts";
import { capturedEvents, type TestJournal } from "./journal.ts";

/** Says what the archive holds in the words of the server's ground truth. */
export function archivedFacts(journal: TestJournal): Set<string> {
  const facts = capturedEvents(journal).flatMap(factsOf);
  const unseen = [...journal.gaps.keys()].filter((id) => id.startsWith("unseen:")).map((id) => fact("gap", id));
  const open = [...journal.gaps.keys()].filter((id) => !id.startsWith("unseen:")).map((id) => fact("open gap", id));
  return new Set([...facts, ...unseen, ...open]);
}

// A test may look into JSON without parsing it.
// oxlint-disable-next-line typescript/no-explicit-any
type Data = { [name: string]: any };

function factsOf(event: CapturedEvent): string[] {
  const data = event.data as Data;
  const id = event.key.slice(event.key.lastIndexOf(":") + 1);
  const files = event.attachments.flatMap((file) =>
    "blob" in file
      ? [fact("file", event.type === "FileVersion" ? data["of"] : event.key, file.id, file.blob.sha256)]
      : [],
  );
  return [...files, ...own(event, data, id)];
}

function own({ type, key, context }: CapturedEvent, data: Data, id: string): string[] {
  const author = (context["author"] as Data | undefined)?.["Id"];
  switch (type) {
    case "Comment":
    case "Reply":
    case "Answer": {
      const row = { ...data["item"], ...data["original"] };
      return [fact("comment", id, row.FeedItemId, row.ThreadParentId, author, row.CreatedDate, row.CommentBody)];
    }
    case "Edit":
      return [fact("edit", key, data["revision"].Id, author, data["revision"].Value, data["after"])];
    case "Delete":
      return [fact("delete", key)];
    case "Like":
      return [fact("like", id, key.split(":")[1], author)];
    case "Unlike":
      return [fact("unlike", id)];
    case "Vote":
      return [fact("vote", id, key.split(":")[1], author, data["reaction"].ChoiceBody)];
    case "PrivateMessage": {
      const members = (context["members"] as Data[]).map((person) => person["Id"]).join();
      return [fact("message", id, author, members, data["message"].SentDate, data["message"].Body)];
    }
    case "GroupJoin":
      return [fact("join", id, (context["place"] as Data)["Id"], author)];
    case "GroupLeave":
      return [fact("leave", id)];
    case "FileVersion":
      return [];
    default:
      return [postFact(type, data, id, author)];
  }
}

function postFact(type: string, data: Data, id: string, author: string): string {
  const row = { ...data["item"], ...data["original"] };
  const choices = (data["choices"] ?? []).map((choice: Data) => choice["ChoiceBody"]).join();
  const changes = (data["changes"] ?? [])
    .map((change: Data) => `${change["FieldName"]}=${change["NewValue"]}`)
    .sort()
    .join();
  if ((row.Type === "HologramPost") !== (type === "Other")) return fact("wrong type", type, row.Type);
  return fact("post", id, row.Type, author, row.InsertedById, row.CreatedDate, row.Title, row.Body, choices || changes);
}
