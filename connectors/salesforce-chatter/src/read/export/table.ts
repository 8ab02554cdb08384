import { UnexpectedResponseError } from "@hansard/core";
import { parse } from "csv-parse";
import type { Row } from "../../schema.ts";
import { toIso } from "../values.ts";
import type { ExportArchive, Part } from "./archive.ts";

/** A cell holds at most a body of 10,000 characters or a file's text; far more is not a table of Salesforce. */
const MAX_RECORD_BYTES = 50_000_000;
const NUMBERS = new Set([
  "CommentCount",
  "LikeCount",
  "Revision",
  "ThreadLevel",
  "ThreadChildrenCount",
  "Position",
  "ContentSize",
]);
const CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/** The rows of an object's table, as the API would give them: null for nothing, numbers, booleans, its own form of times. */
export async function* tableRows(archive: ExportArchive, object: string): AsyncGenerator<Row> {
  for (const part of archive.parts(object)) yield* partRows(part);
}

async function* partRows(part: Part): AsyncGenerator<Row> {
  const source = await part.open();
  const parser = parse({ columns: true, bom: true, max_record_size: MAX_RECORD_BYTES });
  source.on("error", (error) => parser.destroy(error));
  let last = "none";
  try {
    for await (const record of source.pipe(parser)) {
      const row = toRow(record, part);
      last = row.Id;
      yield row;
    }
  } catch (cause) {
    if (cause instanceof UnexpectedResponseError) throw cause;
    throw new UnexpectedResponseError(
      `${part.name} is damaged after the record ${last}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { remedy: "Make the export again.", cause },
    );
  } finally {
    source.destroy();
  }
}

function toRow(record: unknown, { name }: Part): Row {
  const cells = Object.entries(typeof record === "object" && record !== null ? record : {}).map(([field, cell]) => [
    field,
    toValue(field, String(cell)),
  ]);
  const row: Record<string, string | number | boolean | null> = Object.fromEntries(cells);
  if (typeof row["Id"] !== "string")
    throw new UnexpectedResponseError(`${name} has a record without Id.`, {
      remedy: "Export the table with its Id column.",
    });
  return { ...row, Id: row["Id"] };
}

function toValue(field: string, cell: string): string | number | boolean | null {
  if (cell === "") return null;
  if (/^(Is|Has)[A-Z]/.test(field)) return cell === "1" || cell.toLowerCase() === "true";
  if (NUMBERS.has(field)) return Number(cell);
  if (/Date$|^SystemModstamp$/.test(field)) return toTime(cell);
  return field.endsWith("Id") ? toLongId(cell) : cell;
}

/** Exports write `2024-01-20 08:35:00` in UTC, or ISO 8601; the API writes `2024-01-20T08:35:00.000+0000`. */
function toTime(cell: string): string {
  const iso = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(cell) ? `${cell.replace(" ", "T")}Z` : cell;
  return toIso(iso).replace("Z", "+0000");
}

/** Exports may name records by 15 characters, in which case matters; the API by 18, the last three of which tell the case. */
export function toLongId(id: string): string {
  if (!/^[A-Za-z0-9]{15}$/.test(id)) return id;
  const groups = [id.slice(0, 5), id.slice(5, 10), id.slice(10, 15)];
  return id + groups.map((group) => CHECKSUM[capitals(group)]).join("");
}

function capitals(group: string): number {
  let bits = 0;
  for (let index = 0; index < group.length; index += 1) if (/[A-Z]/.test(group.charAt(index))) bits += 2 ** index;
  return bits;
}
