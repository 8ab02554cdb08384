import { createHash } from "node:crypto";
import type {
  BlobReference,
  CapturedEvent,
  Claim,
  Connector,
  Exclusion,
  FollowUp,
  Gap,
  Json,
  MessageDraft,
  Page,
  ReadContext,
  SourceEvent,
} from "../../../packages/core/src/index.ts";
import type { TrueEvent } from "./truth.ts";

/** What a journal would hold, in memory, with the same rules: the same key and version is the same event. */
export interface Capture {
  events: Map<string, SourceEvent>;
  contexts: Map<string, Json>;
  gaps: Map<string, Gap>;
  closed: Set<string>;
  claims: Map<string, Claim>;
  exclusions: Map<string, Exclusion>;
  followUps: Map<string, FollowUp>;
  blobs: Map<string, Buffer>;
  /** Events for each claim, each once. */
  claimed: Map<string, Set<string>>;
  checkpoint: Json | undefined;
  pages: number;
}

export function emptyCapture(): Capture {
  return {
    events: new Map(),
    contexts: new Map(),
    gaps: new Map(),
    closed: new Set(),
    claims: new Map(),
    exclusions: new Map(),
    followUps: new Map(),
    blobs: new Map(),
    claimed: new Map(),
    checkpoint: undefined,
    pages: 0,
  };
}

export interface CaptureOptions {
  startedAt?: Date;
  /** Stops as after a crash, once so many pages are durable. */
  stopAfterPages?: number;
}

/** Runs the connector once, from the capture's checkpoint on, and adds what it yields. */
export async function capture(
  connector: Connector,
  settings: Json,
  into: Capture,
  options: CaptureOptions = {},
): Promise<Capture> {
  const parsed = await connector.settings["~standard"].validate(settings);
  if (parsed.issues) throw new Error(`The settings are not valid: ${JSON.stringify(parsed.issues)}`);
  const context = contextOf(parsed.value, into, options.startedAt ?? new Date());
  let pages = 0;
  for await (const page of connector.read(context as ReadContext<never, never>)) {
    await record(connector, page, into);
    pages += 1;
    if (pages === options.stopAfterPages) break;
  }
  return into;
}

function contextOf(settings: unknown, into: Capture, startedAt: Date): ReadContext<unknown, unknown> {
  const quiet = () => {};
  return {
    settings,
    checkpoint: into.checkpoint,
    partition: { id: "all", name: "all" },
    followUps: [...into.followUps.values()],
    startedAt,
    signal: new AbortController().signal,
    state: { get: async () => undefined, put: async () => {} },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    http: { request: refuse, json: refuse, download: refuse },
    blobs: { put: (content) => put(content, into) },
    async *captured() {},
  };
}

async function refuse(): Promise<never> {
  throw new Error("The connector must not talk to any host.");
}

async function put(content: AsyncIterable<Uint8Array> | Uint8Array, { blobs }: Capture): Promise<BlobReference> {
  const chunks: Uint8Array[] = [];
  if (content instanceof Uint8Array) chunks.push(content);
  else for await (const chunk of content) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  blobs.set(sha256, bytes);
  return { sha256, size: bytes.byteLength };
}

async function record(connector: Connector, json: Page<string, Json>, into: Capture): Promise<void> {
  // Everything survives the round trip through JSON, as it would in the journal.
  const page: Page<string, Json> = JSON.parse(JSON.stringify(json));
  into.pages += 1;
  for (const [id, context] of Object.entries(page.contexts ?? {}))
    if (!into.contexts.has(id)) into.contexts.set(id, context);
  for (const event of page.events) {
    for (const id of Object.values(event.context ?? {}))
      if (!into.contexts.has(id)) throw new Error(`The context ${id} was not carried.`);
    const name = `${event.key} ${event.version ?? ""}`;
    if (!into.events.has(name)) into.events.set(name, event);
    if (event.claim === undefined) continue;
    const claimed = into.claimed.get(event.claim) ?? new Set();
    into.claimed.set(event.claim, claimed.add(name));
  }
  for (const gap of page.gaps ?? []) into.gaps.set(gap.id, gap);
  for (const id of page.closed ?? []) if (into.gaps.delete(id)) into.closed.add(id);
  for (const claim of page.claims ?? []) into.claims.set(claim.id, claim);
  for (const exclusion of page.exclusions ?? []) into.exclusions.set(exclusion.id, exclusion);
  for (const followUp of page.followUps ?? []) into.followUps.set(followUp.id, followUp);
  for (const id of page.settled ?? []) into.followUps.delete(id);
  if (page.checkpoint === undefined) return;
  const parsed = await connector.checkpoint["~standard"].validate(page.checkpoint);
  if (parsed.issues) throw new Error(`The checkpoint is not of its own schema: ${JSON.stringify(parsed.issues)}`);
  into.checkpoint = page.checkpoint;
}

/** Claims that do not equal what was captured and excluded for them. */
export function unbalanced({ claims, claimed, exclusions }: Capture): string[] {
  return [...claims.values()].flatMap(({ id, events }) => {
    const excluded = [...exclusions.values()]
      .filter(({ claim }) => claim === id)
      .reduce((sum, { events }) => sum + events, 0);
    const captured = claimed.get(id)?.size ?? 0;
    return captured + excluded === events ? [] : [`${id} claims ${events}, captured ${captured}, excluded ${excluded}`];
  });
}

/** The event as `map` receives it, and the message that it becomes. */
export function messageOf(
  connector: Connector,
  event: SourceEvent,
  { contexts }: Capture,
): { captured: CapturedEvent; message: MessageDraft } {
  const context = Object.entries(event.context ?? {}).map(([name, id]) => [name, contexts.get(id) ?? null]);
  const captured: CapturedEvent = {
    type: event.type,
    key: event.key,
    version: event.version ?? "",
    occurredAt: event.occurredAt,
    data: event.data,
    context: Object.fromEntries(context),
    attachments: event.attachments ?? [],
  };
  const map = connector.events[event.type];
  if (!map) throw new Error(`There is no mapping for ${event.type}.`);
  return { captured, message: map(captured) };
}

/** What was captured, in the words of the ground truth. `said` is the text that must stand in the message. */
export function trueFormOf(
  connector: Connector,
  event: SourceEvent,
  into: Capture,
  said: (text: string) => string,
): TrueEvent {
  const { message } = messageOf(connector, event, into);
  const files = (event.attachments ?? []).flatMap((file) => ("blob" in file ? [file.blob.sha256] : []));
  const unresolved = (message.notes ?? []).filter((note) => note.includes("could not be shown")).length;
  const missing = (event.attachments ?? []).filter((file) => "unavailable" in file).length + unresolved;
  const to = message.to
    .filter(({ kind, id }) => kind !== "place" || id === "drop")
    .map(({ id }) => id)
    .sort();
  return {
    type: event.type,
    at: message.date,
    from: message.from.id,
    to,
    says: said(message.text),
    files: files.sort(),
    missing,
  };
}
