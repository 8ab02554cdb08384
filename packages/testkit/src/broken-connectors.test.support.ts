import {
  type CapturedEvent,
  type Connector,
  defineConnector,
  type MapEvent,
  Secret,
  UnavailableError,
} from "@hansard/core";
import { z } from "zod";
import {
  type Answer,
  answerNotes,
  ask,
  authorization,
  definition,
  noteToMessage,
  type NoticeContext,
  type NoticePage,
  noticeboard,
  otherToMessage,
  read,
  toEvent,
} from "./noticeboard.test.support.ts";
import type { ConformanceSource, Waiver } from "./options.ts";

export interface Broken {
  flaw: string;
  /** The case that must find it. */
  caught: string;
  says: RegExp;
  connector?: Connector;
  source?: Partial<ConformanceSource>;
  waivers?: Waiver[];
}

type Notes = z.infer<typeof Answer>["notes"];

function reading(read: (context: NoticeContext) => AsyncGenerator<NoticePage>): Connector {
  return defineConnector({ ...definition, read });
}

function mapping(map: MapEvent): Connector {
  return defineConnector({ ...definition, events: { ...definition.events, Note: map } });
}

/** The connector with each of its pages changed. */
function pagesBeing(change: (page: NoticePage, context: NoticeContext) => NoticePage): Connector {
  return reading(async function* (context) {
    for await (const page of read(context)) yield change(page, context);
  });
}

/** The connector with its events made otherwise. */
function eventsBeing(
  change: (event: NoticePage["events"][number], index: number, events: NoticePage["events"]) => NoticePage["events"],
): Connector {
  return pagesBeing((page) => ({ ...page, events: page.events.flatMap(change) }));
}

/** The connector with requests of its own, which it cannot be trusted with. */
function asking(
  take: (response: Response, context: NoticeContext) => Promise<{ notes: Notes; more: boolean }>,
): Connector {
  return reading(async function* (context) {
    const { settings, checkpoint } = context;
    let cursor = { changedAt: checkpoint?.changedAt ?? "", id: "" };
    for (let more = true; more;) {
      const response = await fetch(`${settings.url}/notes?from=${cursor.changedAt}&after=${cursor.id}`, {
        headers: { authorization: `Bearer ${settings.token.reveal()}` },
        signal: context.signal,
      });
      const answer = await take(response, context);
      const last = answer.notes.at(-1);
      more = answer.more && last !== undefined;
      if (last) cursor = { changedAt: last.changedAt, id: last.id };
      yield { events: answer.notes.map(toEvent), ...(last && { checkpoint: cursor }) };
    }
  });
}

async function trusted(response: Response): Promise<{ notes: Notes; more: boolean }> {
  return (await response.json()) as { notes: Notes; more: boolean };
}

async function emptyIfBroken(response: Response): Promise<{ notes: Notes; more: boolean }> {
  if (response.status === 503) throw new UnavailableError("The board is down.");
  const answer = await trusted(response).catch(() => undefined);
  return answer?.notes ? answer : { notes: [], more: false };
}

const READING: Broken[] = [
  {
    flaw: "stores the checkpoint before the events",
    caught: "resume",
    says: /events are lost/,
    connector: reading(async function* (context) {
      for await (const { events, checkpoint } of read(context)) {
        yield {
          events: [],
          ...(checkpoint && { checkpoint: { ...checkpoint, changedAt: "2026-03-03T00:00:00.000Z" } }),
        };
        yield { events };
      }
    }),
  },
  {
    flaw: "stores the checkpoint before the events",
    caught: "crash",
    says: /After a crash (before|after) append .*events are lost/,
    connector: reading(async function* (context) {
      for await (const { events, checkpoint } of read(context)) {
        yield {
          events: [],
          ...(checkpoint && { checkpoint: { ...checkpoint, changedAt: "2026-03-03T00:00:00.000Z" } }),
        };
        yield { events };
      }
    }),
  },
  {
    flaw: "goes on behind the last time, and not at it",
    caught: "read-equal-times",
    says: /missing/,
    connector: reading(async function* (context) {
      let cursor = { changedAt: "", id: "" };
      for (let more = true; more;) {
        const answer = await ask(context, cursor);
        more = answer.more;
        cursor = { changedAt: answer.notes.at(-1)?.changedAt ?? "", id: "\u{10ffff}" };
        yield { events: answer.notes.map(toEvent), checkpoint: cursor };
      }
    }),
  },
  {
    flaw: "never looks back behind its checkpoint",
    caught: "read-later",
    says: /2 events happened .* the next gave 1/,
    connector: reading(async function* (context) {
      let cursor = context.checkpoint ?? { changedAt: "", id: "" };
      for (let more = true; more;) {
        const answer = await ask(context, cursor);
        const last = answer.notes.at(-1);
        if (!last) return;
        more = answer.more;
        cursor = { changedAt: last.changedAt, id: last.id };
        yield { events: answer.notes.map(toEvent), checkpoint: cursor };
      }
    }),
  },
  {
    flaw: "forgets the last page",
    caught: "read-complete",
    says: /holds 5 events .* gave 4/,
    connector: reading(async function* (context) {
      let before: NoticePage | undefined;
      for await (const page of read(context)) {
        if (before) yield before;
        before = page;
      }
    }),
  },
  {
    flaw: "drops what it does not know",
    caught: "read-unknown-types",
    says: /No event of the source came as "Other"/,
    connector: eventsBeing((event) => (event.type === "Other" ? [] : [event])),
  },
  {
    flaw: "gives edits no version",
    caught: "read-identity",
    says: /"n1" stands for two different things/,
    connector: eventsBeing(({ type, key, occurredAt, data }) => [{ type, key, occurredAt, data }]),
  },
  {
    flaw: "counts things for a key",
    caught: "resume",
    says: /events (are lost|came)/,
    connector: reading(async function* (context) {
      let count = 0;
      for await (const page of read(context))
        yield { ...page, events: page.events.map((event) => ({ ...event, key: `note ${(count += 1)}` })) };
    }),
  },
  {
    flaw: "takes the time of reading for a version",
    caught: "read-again",
    says: /under another key or version/,
    connector: eventsBeing((event) => [{ ...event, version: String(process.hrtime.bigint()) }]),
  },
  {
    flaw: "puts a Date into its data",
    caught: "read-plain-json",
    says: /does not keep/,
    connector: eventsBeing((event) => [{ ...event, data: { at: new Date(event.occurredAt) as never } }]),
  },
  {
    flaw: "changes its checkpoint after giving it",
    caught: "read-plain-json",
    says: /was changed after it was given/,
    connector: reading(async function* (context) {
      const checkpoint = { changedAt: "", id: "" };
      for await (const page of read(context)) yield { ...page, checkpoint: Object.assign(checkpoint, page.checkpoint) };
    }),
  },
  {
    flaw: "refers to contexts that it never gives",
    caught: "read-plain-json",
    says: /contexts that no page has carried/,
    connector: eventsBeing((event) => [{ ...event, context: { author: "u1" } }]),
  },
  {
    flaw: "leaves out what it has claimed",
    caught: "read-books",
    says: /books do not balance/,
    connector: pagesBeing((page) => ({
      ...page,
      claims: [{ id: "board", events: 6 }],
      events: page.events.map((event) => ({ ...event, claim: "board" })),
    })),
  },
  {
    flaw: "counts an exclusion anew with every page",
    caught: "pages-any-order",
    says: /With the pages in reverse: the books do not balance/,
    connector: reading(async function* (context) {
      let excluded = 0;
      for await (const page of read(context)) {
        excluded += 1;
        yield {
          ...page,
          claims: [{ id: "board", events: 5 + excluded }],
          exclusions: [{ id: "private", reason: "The settings exclude it.", events: excluded, claim: "board" }],
          events: page.events.map((event) => ({ ...event, claim: "board" })),
        };
      }
    }),
  },
  {
    flaw: "cannot read its own checkpoint",
    caught: "checkpoint-json",
    says: /refuses the checkpoint/,
    connector: defineConnector({
      ...definition,
      checkpoint: z.object({ changedAt: z.date(), id: z.string() }) as unknown as typeof definition.checkpoint,
    }),
  },
  {
    flaw: "stores less of its checkpoint than it needs",
    caught: "checkpoint-json",
    says: /does not keep what was stored/,
    connector: defineConnector({
      ...definition,
      checkpoint: z.object({ changedAt: z.string() }) as unknown as typeof definition.checkpoint,
    }),
  },
  {
    flaw: "does not hear that the run is ended",
    caught: "abort",
    says: /goes on giving pages/,
    connector: reading(async function* (context) {
      const pages: NoticePage[] = [];
      for await (const page of read(context)) pages.push(page);
      yield* pages;
    }),
  },
  {
    flaw: "waits for an answer after the run is ended",
    caught: "abort",
    says: /while it was waiting for an answer/,
    connector: reading(async function* (context) {
      for await (const page of read({
        ...context,
        http: {
          ...context.http,
          json: (...call) =>
            context.http
              .json(...call)
              .catch(() => new Promise((_, reject) => setTimeout(reject, 3_500, new Error("Too late.")))),
        },
      }))
        yield page;
    }),
  },
  {
    flaw: "keeps all that it has read",
    caught: "memory",
    says: /heap grew/,
    connector: reading(async function* (context) {
      const kept: NoticePage[] = [];
      for await (const page of read(context)) {
        kept.push(structuredClone(page));
        yield page;
      }
    }),
  },
];

const MAPPING: Broken[] = [
  {
    flaw: "dates its messages by the clock",
    caught: "map-pure",
    says: /used new Date\(\)/,
    connector: mapping((event) => ({ ...noteToMessage(event), date: new Date().toISOString() })),
  },
  {
    flaw: "draws lots",
    caught: "map-pure",
    says: /used Math\.random/,
    connector: mapping((event) => ({ ...noteToMessage(event), subject: String(Math.random()) })),
  },
  {
    flaw: "makes up ids",
    caught: "map-pure",
    says: /used crypto/,
    connector: mapping((event) => ({ ...noteToMessage(event), subject: crypto.randomUUID() })),
  },
  {
    flaw: "asks the network while mapping",
    caught: "map-pure",
    says: /used fetch/,
    connector: mapping((event) => ({ ...noteToMessage(event), subject: typeof fetch("https://example.com") })),
  },
  {
    flaw: "writes the machine's local time",
    caught: "map-pure",
    says: /in another time zone/,
    connector: mapping((event) => ({ ...noteToMessage(event), text: String(new Date(event.occurredAt).getHours()) })),
  },
  {
    flaw: "changes its argument",
    caught: "map-pure",
    says: /read only|not extensible/,
    connector: mapping((event) => noteToMessage(Object.assign(event, { seen: true }))),
  },
  {
    flaw: "answers later",
    caught: "map-pure",
    says: /at once/,
    connector: mapping((async (event: CapturedEvent) => noteToMessage(event)) as never),
  },
  {
    flaw: "gives undefined for what is absent",
    caught: "map-plain-json",
    says: /Leave out what is absent/,
    connector: mapping((event) => ({ ...noteToMessage(event), html: undefined as never })),
  },
  {
    flaw: "passes on what people wrote as HTML",
    caught: "map-html",
    says: /holds <img src=x onerror=alert\(1\)>/,
    connector: mapping((event) => ({ ...noteToMessage(event), html: "<p><img src=x onerror=alert(1)></p>" })),
  },
  {
    flaw: "links to scripts",
    caught: "map-html",
    says: /javascript:/,
    connector: mapping((event) => ({ ...noteToMessage(event), html: '<a href="javascript:alert(1)">Look</a>' })),
  },
  {
    flaw: "shows pictures that tell who reads them",
    caught: "map-html",
    says: /src="https/,
    connector: mapping((event) => ({ ...noteToMessage(event), html: '<img src="https://tracker.example/1.gif">' })),
  },
  {
    flaw: "addresses nobody",
    caught: "map-composes",
    says: /lacks TO/,
    connector: mapping((event) => ({ ...noteToMessage(event), to: [] })),
  },
  {
    flaw: "shows its reader undefined",
    caught: "map-composes",
    says: /shows "undefined"/,
    connector: mapping((event) => ({
      ...noteToMessage(event),
      subject: `Note in ${(event.data as { room?: string }).room}`,
    })),
  },
  {
    flaw: "refuses fields that are new",
    caught: "map-unknown-fields",
    says: /quarantined once the source adds fields/,
    connector: mapping((event) => {
      z.strictObject({
        id: z.string(),
        kind: z.string(),
        author: z.json(),
        text: z.string(),
        changedAt: z.string(),
      }).parse(event.data);
      return noteToMessage(event);
    }),
  },
  {
    flaw: "trusts the data to be whole",
    caught: "map-missing-fields",
    says: /tells nobody what is missing/,
    connector: mapping((event) => ({
      ...noteToMessage({
        ...event,
        data: { ...(event.data as object), author: { id: "u1", name: "Anna", email: "" } },
      }),
      subject: (event.data as { author: { name: string } }).author.name.trim(),
    })),
  },
  {
    flaw: "expects the unknown to be known",
    caught: "map-other",
    says: /Other does not archive/,
    connector: defineConnector({ ...definition, events: { ...definition.events, Other: noteToMessage } }),
  },
  {
    flaw: "does not show what it does not know",
    caught: "map-other",
    says: /Other does not show/,
    connector: defineConnector({
      ...definition,
      events: { ...definition.events, Other: (event) => ({ ...otherToMessage(event), text: "Something." }) },
    }),
  },
];

const HTTP: Broken[] = [
  {
    flaw: "takes a refusal for a failure",
    caught: "http-401",
    says: /should stop with authentication, and stopped with .*UnavailableError/,
    connector: asking(async (response) => {
      if (!response.ok) throw new UnavailableError(`The board answered ${response.status}.`);
      return trusted(response);
    }),
  },
  {
    flaw: "asks again at once when asked to wait",
    caught: "http-429",
    says: /the next request came after \d{1,3} ms|should stop with rate-limited/,
    connector: asking(async (response, { settings, signal }) => {
      if (response.status !== 429) return trusted(response);
      return trusted(
        await fetch(response.url, { headers: { authorization: `Bearer ${settings.token.reveal()}` }, signal }),
      );
    }),
  },
  {
    flaw: "takes a failure for the end",
    caught: "http-503",
    says: /as if nothing had happened/,
    connector: asking(async (response) => (response.ok ? trusted(response) : { notes: [], more: false })),
  },
  {
    flaw: "tries again for ever",
    caught: "http-503",
    says: /requests were made in vain/,
    connector: reading(async function* (context) {
      for (let tries = 0; tries < 100; tries += 1) await ask(context, { changedAt: "", id: "" }).catch(() => undefined);
      yield* read(context);
    }),
  },
  {
    flaw: "takes half an answer for the end",
    caught: "http-half",
    says: /as if nothing had happened/,
    connector: asking(emptyIfBroken),
  },
  {
    flaw: "takes a broken connection for the end",
    caught: "http-cut",
    says: /as if nothing had happened/,
    connector: asking(emptyIfBroken),
  },
  {
    flaw: "takes a log-in page for an empty answer",
    caught: "http-not-json",
    says: /as if nothing had happened/,
    connector: asking(emptyIfBroken),
  },
  {
    flaw: "takes a log-in page for a photo",
    caught: "http-not-json",
    says: /was stored as a file of "n1"/,
    connector: reading(async function* (context) {
      const { http, blobs, settings } = context;
      for await (const page of read(context)) {
        const { body } = await http.request(`${settings.url}/photo`, { headers: authorization(settings) });
        const photo = { id: "photo", name: "photo.png", blob: await blobs.put(body) };
        yield { ...page, events: page.events.map((event) => ({ ...event, attachments: [photo] })) };
      }
    }),
  },
  {
    flaw: "trusts answers to be whole",
    caught: "http-missing-fields",
    says: /failed by accident: TypeError/,
    connector: asking(trusted),
  },
  {
    flaw: "refuses answers with new fields",
    caught: "http-unknown-fields",
    says: /not|unrecognized/i,
    connector: asking(async (response) => {
      const answer = await trusted(response);
      z.strictObject({ notes: z.array(z.unknown()), more: z.boolean() }).parse(answer);
      return answer;
    }),
  },
];

const OTHERS: Broken[] = [
  {
    flaw: "shows its token in an error",
    caught: "secrets",
    says: /shows in an error/,
    connector: asking(async (response, { settings }) => {
      if (!response.ok) throw new UnavailableError(`The board refused ${settings.token.reveal()}.`);
      return trusted(response);
    }),
  },
  {
    flaw: "gives the source's echo of its token as the cause",
    caught: "secrets",
    says: /shows in an error/,
    connector: asking(async (response) => {
      if (!response.ok) throw new UnavailableError("The board failed.", { cause: await response.json() });
      return trusted(response);
    }),
  },
  {
    flaw: "logs its settings with the token revealed",
    caught: "secrets",
    says: /shows in the logs/,
    connector: reading(async function* (context) {
      context.log.info("Reading", {
        headers: { authorization: authorization(context.settings)["authorization"]?.reveal() },
      });
      yield* read(context);
    }),
  },
  {
    flaw: "stores its token in the checkpoint",
    caught: "secrets",
    says: /a page or checkpoint/,
    connector: pagesBeing((page, { settings }) => ({
      ...page,
      checkpoint: { changedAt: page.checkpoint?.changedAt ?? "", id: settings.token.reveal() },
    })),
  },
  { flaw: "keeps its token as plain text", caught: "secrets", says: /parsed settings/, connector: plainToken() },
  {
    flaw: "shows a refused setting",
    caught: "secrets-settings",
    says: /shows a secret in what it says/,
    connector: tellingSettings(),
  },
  {
    flaw: "does not describe a setting",
    caught: "settings-schema",
    says: /no description .*"url"/,
    connector: defineConnector({
      ...definition,
      settings: z.object({ url: z.url(), token: definition.settings.shape.token }),
    }),
  },
  {
    flaw: "captures what it does not say in sentences",
    caught: "definition",
    says: /must be sentences/,
    connector: defineConnector({ ...definition, captures: { ...definition.captures, history: "all" } }),
  },
  {
    flaw: "is written for another version of the contract",
    caught: "definition",
    says: /version 2 of the contract/,
    connector: { ...noticeboard, contractVersion: 2 },
  },
  {
    flaw: "warns without a remedy",
    caught: "check",
    says: /give no remedy/,
    connector: defineConnector({
      ...definition,
      check: async () => [{ level: "warning", message: "Something is odd." }],
    }),
  },
  {
    flaw: "finds fault with a source that is well",
    caught: "check",
    says: /check finds errors/,
    connector: defineConnector({
      ...definition,
      check: async () => [{ level: "error", message: "Nothing works.", remedy: "Pray." }],
    }),
  },
  {
    flaw: "is tested with a source of different times only",
    caught: "read-equal-times",
    says: /holds no two events of the same time/,
    source: { events: 4, answer: withoutThird },
  },
];

function plainToken(): Connector {
  const settings = z.object({
    url: z.url().describe("Where the API is."),
    token: z.string().meta({ secret: true, description: "An API token." }),
  });
  return { ...noticeboard, settings, read: (context) => noticeboard.read(withSecret(context)) };
}

function withSecret(context: unknown): never {
  const { settings, ...rest } = context as { settings: { url: string; token: string } };
  return { ...rest, settings: { ...settings, token: new Secret(settings.token) } } as never;
}

function tellingSettings(): Connector {
  const validate: (typeof noticeboard.settings)["~standard"]["validate"] = async (value) => {
    const right = await noticeboard.settings["~standard"].validate(value);
    if (!right.issues) return right;
    const token: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "token") : "";
    return { issues: [{ message: `It cannot be used with the token ${String(token)}.` }] };
  };
  return { ...noticeboard, settings: { "~standard": { ...noticeboard.settings["~standard"], validate } } };
}

async function withoutThird(request: Request, state: { later: boolean; large: boolean }): Promise<Response> {
  const answer = answerNotes(request, state);
  if (!answer.ok) return answer;
  const { notes, more } = await trusted(answer);
  return Response.json({ notes: notes.filter(({ id }) => id !== "n3"), more });
}

export const BROKEN: Broken[] = [...READING, ...MAPPING, ...HTTP, ...OTHERS];
