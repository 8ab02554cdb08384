import type { SourceEvent } from "@hansard/core";
import type { EventType } from "../map/event-types.ts";
import type { Row } from "../schema.ts";
import { compact, type Run } from "./batch.ts";
import { selectable } from "./lookup.ts";
import { text, toIso } from "./values.ts";

const ATTEMPTS = 5;

/** A post or comment with the values that its edits replaced, the oldest first. */
export interface Revised {
  row: Row;
  revisions: Row[];
}

/**
 * Reads the revisions of those rows that were edited. A revision holds the value before the edit, so what it became is in
 * the next revision or in the row; the row is therefore read again until no edit came between the two.
 */
export async function withRevisions({ session }: Run, object: string, rows: Row[]): Promise<Revised[]> {
  const settled = new Map<string, Revised>(rows.map((row) => [row.Id, { row, revisions: [] }]));
  let pending = rows.filter(isEdited);
  if (pending.length === 0 || !(await session.fields("FeedRevision"))) return [...settled.values()];
  const select = session.frozen ? [] : await selectable(session, object);
  const selectRevision = await selectable(session, "FeedRevision");
  for (let attempt = 1; pending.length > 0; attempt += 1) {
    const ids = pending.map(({ Id }) => Id);
    const revisions = await session.find("FeedRevision", selectRevision, "FeedEntityId", ids);
    const again = session.frozen
      ? new Map<string, Row>()
      : new Map((await session.find(object, select, "Id", ids)).map((row) => [row.Id, row]));
    const moved: Row[] = [];
    for (const row of pending) {
      const now = again.get(row.Id) ?? row;
      const own = revisions.filter((revision) => revision["FeedEntityId"] === row.Id).sort(byRevision);
      if (attempt < ATTEMPTS && editOf(now) !== editOf(row)) moved.push(now);
      else settled.set(row.Id, { row, revisions: own });
    }
    pending = moved;
  }
  return [...settled.values()];
}

/** One event for every value that an edit replaced, but for those that the journal holds. */
export function editsOf(
  key: string,
  { row, revisions }: Revised,
  known: Map<string, string>,
  surroundings: (editor: string | undefined) => Record<string, string>,
): SourceEvent<EventType>[] {
  const edits = revisions.map((revision, index): SourceEvent<EventType> => {
    const attribute = text(revision, "EditedAttribute");
    const next = revisions.slice(index + 1).find((later) => text(later, "EditedAttribute") === attribute);
    return {
      type: "Edit",
      key,
      version: `edit:${revision.Id}`,
      occurredAt: toIso(text(revision, "CreatedDate") ?? text(row, "LastEditDate") ?? ""),
      data: { revision, after: (next ? next["Value"] : row[fieldOf(row, attribute)]) ?? null, item: compact(row) },
      context: surroundings(text(revision, "CreatedById") ?? text(row, "LastEditById")),
    };
  });
  if (edits.length === 0 && isEdited(row)) edits.push(unexplained(key, row, surroundings));
  return edits.filter(({ version }) => !known.has(version ?? ""));
}

/** The history is hidden or gone: that it was edited, and what it says now, is still known. */
function unexplained(
  key: string,
  row: Row,
  surroundings: (editor: string | undefined) => Record<string, string>,
): SourceEvent<EventType> {
  const occurredAt = toIso(text(row, "LastEditDate") ?? "");
  return {
    type: "Edit",
    key,
    version: `edited:${occurredAt}`,
    occurredAt,
    data: { revision: null, after: row[fieldOf(row, "Body")] ?? null, item: compact(row) },
    context: surroundings(text(row, "LastEditById")),
  };
}

/** The values that stood before the first edit, for those fields that were edited. */
export function originalValues({ row, revisions }: Revised): Record<string, string | null> {
  const first: Record<string, string | null> = {};
  for (const revision of revisions.toReversed())
    first[fieldOf(row, text(revision, "EditedAttribute"))] = text(revision, "Value") ?? null;
  return first;
}

export function isEdited(row: Row): boolean {
  return text(row, "LastEditDate") !== undefined;
}

function fieldOf(row: Row, attribute: string | undefined): string {
  if (attribute !== undefined && attribute in row) return attribute;
  return "CommentBody" in row ? "CommentBody" : "Body";
}

function editOf(row: Row): string {
  return JSON.stringify([row["Revision"], row["LastEditDate"], row["Body"], row["CommentBody"], row["Title"]]);
}

function byRevision(a: Row, b: Row): number {
  return order(a).localeCompare(order(b));
}

function order({ Revision, CreatedDate, Id }: Row): string {
  return `${String(Number(Revision ?? 0)).padStart(9, "0")} ${String(CreatedDate)} ${Id}`;
}
