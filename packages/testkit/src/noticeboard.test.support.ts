import {
  type CapturedEvent,
  type Connector,
  defineConnector,
  type MessageDraft,
  type Page,
  type ReadContext,
  Secret,
  type SourceEvent,
  UnmappableEventError,
} from "@hansard/core";
import { z } from "zod";

/** A small source for the suite's own test: a noticeboard that is asked for what changed since a time, two notes at once. */
const Settings = z.object({
  url: z.url().describe("Where the noticeboard's API is."),
  token: z
    .string()
    .min(1)
    .meta({ secret: true, description: "An API token that may read all notes." })
    .transform((value) => new Secret(value)),
});
export type Settings = z.output<typeof Settings>;

const Checkpoint = z.object({ changedAt: z.string(), id: z.string() });
export type Checkpoint = z.output<typeof Checkpoint>;

const Author = z.object({ id: z.string(), name: z.string(), email: z.string() });
const Note = z.object({
  id: z.string(),
  kind: z.string(),
  author: Author,
  text: z.string(),
  changedAt: z.iso.datetime(),
  edit: z.number().optional(),
});
export type Note = z.infer<typeof Note>;
export const Answer = z.object({
  notes: z.array(
    z.looseObject({ id: z.string(), kind: z.string(), changedAt: z.iso.datetime(), edit: z.number().optional() }),
  ),
  more: z.boolean(),
});

export type NoticePage = Page<"Note" | "Edit" | "Other", Checkpoint>;
export type NoticeContext = ReadContext<Settings, Checkpoint>;

export const events = { Note: noteToMessage, Edit: noteToMessage, Other: otherToMessage };

export const definition = {
  id: "noticeboard",
  source: "Noticeboard",
  title: "Noticeboard",
  settings: Settings,
  checkpoint: Checkpoint,
  captures: {
    edits: "every-version",
    deletes: "not-reported",
    attachments: "none",
    reactions: "none",
    participants: "not-reported",
    history: "Everything that the board still shows.",
  },
  events,
  hosts: ({ url }: Settings) => [new URL(url).host],
  check: async ({ http, settings }: Pick<NoticeContext, "http" | "settings">) => {
    await http.json(`${settings.url}/notes`, Answer, { headers: authorization(settings) });
    return [{ level: "ok" as const, message: "The board answers." }];
  },
  read,
} as const;

/** A connector that conforms. */
export const noticeboard: Connector = defineConnector(definition);

const OVERLAP_MS = 10 * 60_000;

export async function* read(context: NoticeContext): AsyncGenerator<NoticePage> {
  const { checkpoint, signal } = context;
  const from = checkpoint && new Date(Date.parse(checkpoint.changedAt) - OVERLAP_MS).toISOString();
  let cursor: Checkpoint = { changedAt: from ?? "", id: "" };
  for (let more = true; more && !signal.aborted;) {
    const answer = await ask(context, cursor);
    const last = answer.notes.at(-1);
    more = answer.more && last !== undefined;
    if (!last) return;
    cursor = { changedAt: last.changedAt, id: last.id };
    yield { events: answer.notes.map(toEvent), checkpoint: cursor };
  }
}

export function ask({ http, settings }: NoticeContext, { changedAt, id }: Checkpoint): Promise<z.infer<typeof Answer>> {
  return http.json(`${settings.url}/notes`, Answer, {
    query: { from: changedAt, after: id },
    headers: authorization(settings),
  });
}

export function authorization({ token }: Settings): Record<string, Secret> {
  return { authorization: new Secret(`Bearer ${token.reveal()}`) };
}

export function toEvent(note: z.infer<typeof Answer>["notes"][number]): SourceEvent<"Note" | "Edit" | "Other"> {
  const data = z.json().parse(note);
  const { id, kind, changedAt: occurredAt, edit } = note;
  if (kind !== "note") return { type: "Other", key: id, occurredAt, data };
  return edit === undefined
    ? { type: "Note", key: id, occurredAt, data }
    : { type: "Edit", key: id, version: String(edit), occurredAt, data };
}

export function noteToMessage({ data }: CapturedEvent): MessageDraft {
  const parsed = Note.safeParse(data);
  if (!parsed.success) throw new UnmappableEventError(`The note is not as expected: ${z.prettifyError(parsed.error)}`);
  const { author, text, changedAt, edit } = parsed.data;
  return {
    from: { id: author.id, name: author.name, address: author.email },
    to: [{ id: "board", name: "Noticeboard", kind: "place" }],
    date: changedAt,
    subject: `${edit === undefined ? "Note" : "Edited note"} by ${author.name}`,
    text,
  };
}

export function otherToMessage({ key, occurredAt, data }: CapturedEvent): MessageDraft {
  const board = { id: "board", name: "Noticeboard", kind: "place" as const };
  return {
    from: board,
    to: [board],
    date: occurredAt,
    subject: `Unknown: ${key}`,
    text: JSON.stringify(data, undefined, 2),
  };
}

const ANNA = { id: "u1", name: "Anna", email: "anna@contoso.example" };
const BEN = { id: "u2", name: "Ben", email: "ben@contoso.example" };

/** Two of one time on either side of a page's end, an edit, and something unknown. */
const NOTES = [
  { id: "n1", kind: "note", author: ANNA, text: "First", changedAt: "2026-03-02T09:00:00.000Z" },
  { id: "n2", kind: "note", author: BEN, text: "Second", changedAt: "2026-03-02T09:30:00.000Z" },
  { id: "n3", kind: "note", author: ANNA, text: "Third, at the same time", changedAt: "2026-03-02T09:30:00.000Z" },
  { id: "n1", kind: "note", author: ANNA, text: "First, mended", changedAt: "2026-03-02T10:00:00.000Z", edit: 2 },
  { id: "n4", kind: "hologram", shape: "cube", changedAt: "2026-03-02T11:00:00.000Z" },
];
const LATER = [
  { id: "n0", kind: "note", author: BEN, text: "Of the same time as the last", changedAt: "2026-03-02T11:00:00.000Z" },
  { id: "n5", kind: "note", author: BEN, text: "Last", changedAt: "2026-03-02T12:00:00.000Z" },
];

export const TOKEN = "noticeboard-token-0123456789";
const AT_ONCE = 2;
export const LARGE_EVENTS = 30_000;

/** The board's API. */
export function answerNotes(request: Request, { later, large }: { later: boolean; large: boolean }): Response {
  if (request.headers.get("authorization") !== `Bearer ${TOKEN}`)
    return Response.json({ error: "no access" }, { status: 401 });
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/photo") return new Response("a photo", { headers: { "content-type": "image/png" } });
  const [from, after] = [searchParams.get("from") ?? "", searchParams.get("after") ?? ""];
  if (large) return largeAnswer(after);
  const all = [...NOTES, ...(later ? LATER : [])].sort((a, b) => compare(a, b));
  const found = all.filter((note) => compare(note, { changedAt: from, id: after }) > 0);
  return Response.json({ notes: found.slice(0, AT_ONCE), more: found.length > AT_ONCE });
}

function largeAnswer(after: string): Response {
  const first = Number(after.slice(1) || 0) + 1;
  const notes = Array.from({ length: 500 }, (_, index) => ({
    id: `n${String(first + index).padStart(9, "0")}`,
    kind: "note",
    author: ANNA,
    text: "x".repeat(1_000),
    changedAt: new Date(Date.UTC(2026, 0, 1) + (first + index) * 1000).toISOString(),
  }));
  return Response.json({ notes, more: first + 500 <= LARGE_EVENTS });
}

function compare(a: { changedAt: string; id: string }, b: { changedAt: string; id: string }): number {
  if (a.changedAt !== b.changedAt) return a.changedAt < b.changedAt ? -1 : 1;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}
