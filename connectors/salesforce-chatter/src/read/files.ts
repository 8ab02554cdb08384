import type { BlobWriter, EventAttachment } from "@hansard/core";
import type { Row, Settings } from "../schema.ts";
import type { Revised } from "./revisions.ts";
import { createDownloader } from "./download.ts";
import { type Lookup, visible } from "./lookup.ts";
import { text, toIso } from "./values.ts";

const VERSION = "068";
const DOCUMENT = "069";
const FIELDS = [
  "Id",
  "ContentDocumentId",
  "Title",
  "PathOnClient",
  "FileExtension",
  "FileType",
  "ContentSize",
  "Checksum",
  "VersionNumber",
  "CreatedDate",
  "CreatedById",
];

/** The files of posts and comments. A file is fetched at the version that the post names, never at the newest. */
export interface Files {
  /** What each of them shows, and what its earlier wordings showed, by its id. */
  of(revised: Revised[]): Promise<Map<string, Shown>>;
  /** All versions of the documents that these versions belong to. */
  siblings(versions: Row[]): Promise<Row[]>;
  /** Stores the content. Where it cannot be had, the attachment says why. */
  fetch(version: Row): Promise<EventAttachment>;
}

export interface Shown {
  versions: Row[];
  /** The feed's own record of what is attached, links and shared posts included. */
  attachments: Row[];
}

export function createFiles(session: Lookup, settings: Settings, blobs: BlobWriter): Files {
  async function of(revised: Revised[]): Promise<Map<string, Shown>> {
    const carriers = revised.filter(carriesSomething);
    const attachments = await attachmentsOf(carriers.map(({ row }) => row));
    const named = [
      ...attachments.map((attachment) => text(attachment, "RecordId")),
      ...carriers.flatMap((carrier) => [text(carrier.row, "RelatedRecordId"), ...imagesOf(carrier)]),
    ].filter((id) => id !== undefined);
    const select = await visible(session, "ContentVersion", FIELDS);
    const byId = await session.find(
      "ContentVersion",
      select,
      "Id",
      named.filter((id) => id.startsWith(VERSION)),
    );
    const byDocument = await session.find(
      "ContentVersion",
      select,
      "ContentDocumentId",
      named.filter((id) => id.startsWith(DOCUMENT)),
    );
    return new Map(carriers.map((carrier) => [carrier.row.Id, shown(carrier, attachments, byId, byDocument)]));
  }

  async function attachmentsOf(carriers: Row[]): Promise<Row[]> {
    const select = await visible(session, "FeedAttachment", [
      "Id",
      "FeedEntityId",
      "RecordId",
      "Title",
      "Type",
      "Value",
    ]);
    if (carriers.length === 0 || !select.includes("FeedEntityId")) return [];
    return await session.find(
      "FeedAttachment",
      select,
      "FeedEntityId",
      carriers.map(({ Id }) => Id),
    );
  }

  async function siblings(versions: Row[]): Promise<Row[]> {
    const documents = versions.flatMap((version) => text(version, "ContentDocumentId") ?? []);
    return await session.find(
      "ContentVersion",
      await visible(session, "ContentVersion", FIELDS),
      "ContentDocumentId",
      documents,
    );
  }

  return { of, siblings, fetch: createDownloader(session, settings, blobs) };
}

function carriesSomething(revised: Revised): boolean {
  const { row } = revised;
  const flags = ["HasContent", "HasLink", "HasFeedEntity"].filter((name) => name in row);
  if (text(row, "RelatedRecordId") || imagesOf(revised).length > 0) return true;
  return flags.length > 0 ? flags.some((name) => row[name] === true) : row["CommentType"] === "ContentComment";
}

/** Images stand in the text. Those that an edit took out are in the wording before it. */
function imagesOf({ row, revisions }: Revised): string[] {
  const wordings = [
    text(row, "Body"),
    text(row, "CommentBody"),
    ...revisions.map((revision) => text(revision, "Value")),
  ];
  return wordings.flatMap((wording) =>
    [...(wording ?? "").matchAll(/sfdc:\/\/(069\w{12,15})/g)].flatMap(([, id]) => id ?? []),
  );
}

function shown(carrier: Revised, all: Row[], byId: Row[], byDocument: Row[]): Shown {
  const { row } = carrier;
  const attachments = all.filter((attachment) => attachment["FeedEntityId"] === row.Id);
  const named = [
    ...attachments.map((attachment) => text(attachment, "RecordId")),
    text(row, "RelatedRecordId"),
    ...imagesOf(carrier),
  ];
  const versions = named.flatMap((id) => {
    if (id?.startsWith(VERSION)) return byId.find((version) => version.Id === id) ?? { Id: id };
    if (id?.startsWith(DOCUMENT))
      return (
        atTheTime(
          byDocument.filter((version) => text(version, "ContentDocumentId")?.startsWith(id.slice(0, 15))),
          row,
        ) ?? []
      );
    return [];
  });
  return {
    attachments,
    versions: versions.filter(({ Id }, index) => versions.findIndex((other) => other.Id === Id) === index),
  };
}

/** An inline image names its document; what the post showed is the newest version not younger than the post. */
function atTheTime(versions: Row[], row: Row): Row | undefined {
  const sorted = versions.toSorted((a, b) => createdAt(a).localeCompare(createdAt(b)));
  return sorted.findLast((version) => createdAt(version) <= createdAt(row)) ?? sorted[0];
}

function createdAt(row: Row): string {
  return toIso(text(row, "CreatedDate") ?? "1970-01-01T00:00:00Z");
}
