import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import type { Organization } from "../../../tooling/servers/salesforce/index.ts";

const FIRST = ["FeedItem", "FeedRevision", "User", "CollaborationGroup", "CollaborationGroupMember", "FeedPollChoice"];
const SECOND = [
  "FeedComment",
  "FeedLike",
  "FeedPollVote",
  "FeedAttachment",
  "FeedTrackedChange",
  "ContentVersion",
  "ChatterMessage",
  "ChatterConversationMember",
];

/** Writes an organization as the weekly export does: zip files of CSV tables, short ids, times in UTC, files beside. */
export async function writeExport(organization: Organization, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, objects] of [
    ["WE_00D_1.ZIP", FIRST],
    ["WE_00D_2.ZIP", SECOND],
  ] as const) {
    const zip = new ZipFile();
    for (const object of objects) zip.addBuffer(Buffer.from(toCsv(organization, object)), `${object}.csv`);
    if (name.endsWith("2.ZIP"))
      for (const [id, { bytes }] of organization.contents)
        zip.addBuffer(Buffer.from(bytes), `ContentVersion/${id.slice(0, 15)}`);
    zip.end();
    await pipeline(zip.outputStream, createWriteStream(join(folder, name)));
  }
}

export function toCsv(organization: Organization, object: string): string {
  const columns = organization.rules[object]?.fields.filter(({ type }) => type !== "base64") ?? [];
  const lines = organization
    .all(object)
    .map((record) => columns.map(({ name, type }) => cell(record[name] ?? null, type)).join(","));
  return [columns.map(({ name }) => `"${name}"`).join(","), ...lines].join("\r\n");
}

function cell(value: string | number | boolean | null, type: string): string {
  if (value === null) return '""';
  const text = String(value);
  if (type === "id" || type === "reference") return `"${text.slice(0, 15)}"`;
  if (type === "datetime") return `"${text.slice(0, 19).replace("T", " ")}"`;
  if (type === "boolean") return `"${value ? 1 : 0}"`;
  return `"${text.replaceAll('"', '""')}"`;
}
