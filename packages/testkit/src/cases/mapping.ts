import type { CapturedEvent, Json } from "@hansard/core";
import type { PreparedMessage } from "@hansard/core/ingestion";
import { fieldPaths, firstDifference, isPlainJson, throughJson, withoutField, withUnknownFields } from "../json.ts";
import { composeEvents, mapFixture } from "../map-event.ts";
import { type Case, must, type Suite } from "../suite.ts";
import { withoutWorld } from "../without-world.ts";
import { readable } from "./fixtures.ts";

export function mappingCases(suite: Suite): Case[] {
  return [
    {
      id: "map-pure",
      name: "mapping is pure: no clock, network or chance, the argument left as it is, the same answer everywhere",
      run: () => isPure(suite),
    },
    { id: "map-plain-json", name: "messages are plain JSON", run: () => isPlain(suite) },
    {
      id: "map-composes",
      name: "every mapped fixture composes into a mail with all mandatory properties",
      run: () => composes(suite),
    },
    {
      id: "map-html",
      name: "the HTML of messages runs nothing, loads nothing from elsewhere and links only to the web and to mail",
      run: () => givesHarmlessHtml(suite),
    },
    {
      id: "map-unknown-fields",
      name: "fields that the source adds one day do not disturb the mapping",
      run: () => ignoresUnknownFields(suite),
    },
    {
      id: "map-missing-fields",
      name: "an event that lacks a field becomes a message or is quarantined with its reason, and the others go on",
      run: () => survivesMissingFields(suite),
    },
    {
      id: "map-other",
      name: "Other archives whatever JSON it is given, and shows it",
      run: () => archivesAnything(suite),
    },
  ];
}

function isPure(suite: Suite): void {
  for (const { name, fixture } of readable(suite)) {
    const [once, again] = withoutWorld(() => JSON.stringify(mapFixture(suite.connector, fixture.event)));
    const difference = firstDifference(JSON.parse(once), JSON.parse(again));
    must(
      difference === undefined,
      () => `${name} maps to something else the second time, in another time zone: ${difference}.`,
    );
  }
}

function isPlain(suite: Suite): void {
  for (const { name, fixture } of readable(suite)) {
    const draft = mapFixture(suite.connector, fixture.event);
    must(
      isPlainJson(draft),
      () =>
        `${name} maps to what JSON does not keep: ${firstDifference(throughJson(draft), draft) ?? "a value of undefined"}. Leave out what is absent.`,
    );
  }
}

const MANDATORY_FIELDS = ["From", "To", "Date", "Message-ID"];

async function composes(suite: Suite): Promise<void> {
  const { connector } = suite;
  for (const { name, fixture } of readable(suite)) {
    const { messages, quarantined } = await composeEvents(connector, [fixture.event]);
    const [prepared] = messages;
    must(prepared !== undefined, () => `${name} does not become a mail: ${quarantined[0]?.reason}`);
    const { message } = prepared;
    must(
      message.messageClass.startsWith(`IPM.NOTE.${connector.source}.`),
      `${name} has the message class ${message.messageClass}.`,
    );
    must(message.to.length > 0 && message.from.address !== "", `${name} has no FROM or no TO.`);
    const head = headOf(prepared);
    const missing = MANDATORY_FIELDS.filter((field) => !new RegExp(`^${field}: \\S`, "m").test(head));
    must(missing.length === 0, () => `The mail of ${name} lacks ${missing.join(", ")}.`);
    const stray = strayWords(prepared);
    must(stray === undefined, () => `The message of ${name} shows "${stray}" to its reader.`);
  }
}

function headOf({ mail }: PreparedMessage): string {
  const [first] = mail.segments;
  return first instanceof Uint8Array ? (Buffer.from(first).toString("latin1").split("\r\n\r\n", 1)[0] ?? "") : "";
}

const ACTIVE = /<\s*(script|iframe|object|embed|style|link|meta|base|form|svg|math|template)\b[^>]*>/i;
const ATTRIBUTE = /\s([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi;

function givesHarmlessHtml(suite: Suite): void {
  for (const { name, fixture } of readable(suite)) {
    const found = harmIn(mapFixture(suite.connector, fixture.event).html ?? "");
    must(
      found === undefined,
      () => `The HTML of ${name} holds ${found}. Escape what people wrote, and give images as attachments.`,
    );
  }
}

function harmIn(html: string): string | undefined {
  const [active] = ACTIVE.exec(html) ?? [];
  if (active) return active;
  for (const [tag] of html.matchAll(/<[a-z][^>]*>/gi)) {
    for (const [, name = "", double, single, bare] of tag.matchAll(ATTRIBUTE)) {
      if (isHarmful(name.toLowerCase(), (double ?? single ?? bare ?? "").trim())) return tag;
    }
  }
  return undefined;
}

function isHarmful(name: string, value: string): boolean {
  if (name.startsWith("on")) return true;
  if (name === "href") return !/^(https?:|mailto:|tel:|#)/i.test(value);
  if (name === "src") return !/^(cid:|data:image\/)/i.test(value);
  return /url\s*\(|expression\s*\(/i.test(value);
}

async function ignoresUnknownFields(suite: Suite): Promise<void> {
  const { connector } = suite;
  for (const { name, fixture } of readable(suite)) {
    const { event } = fixture;
    const context = Object.fromEntries(
      Object.entries(event.context).map(([key, value]) => [key, withUnknownFields(value)]),
    );
    const { messages, quarantined } = await composeEvents(connector, [
      event,
      { ...event, data: withUnknownFields(event.data), context },
    ]);
    const [before, after] = messages;
    must(
      before !== undefined && after !== undefined,
      () =>
        `${name} is quarantined once the source adds fields: ${quarantined[0]?.reason} Read the fields that you use, and leave others alone.`,
    );
    const difference = firstDifference(essentials(after), essentials(before));
    must(difference === undefined, () => `${name} changes when the source adds fields: ${difference}.`);
  }
}

function essentials({ message: { from, to, date, messageClass } }: PreparedMessage) {
  return { from, to, date, messageClass };
}

const MOST_PATHS = 150;

async function survivesMissingFields(suite: Suite): Promise<void> {
  const { connector } = suite;
  for (const { name, fixture } of readable(suite)) {
    const { event } = fixture;
    const intended = strayCount(await composeEvents(connector, [event]));
    for (const path of fieldPaths(event.data).slice(0, MOST_PATHS)) {
      const damaged: CapturedEvent = { ...event, key: `${event.key} damaged`, data: withoutField(event.data, path) };
      const place = `${name} without data.${path.join(".")}`;
      const batch = await composeEvents(connector, [damaged, event]).catch((error: unknown) => {
        throw new Error(`${place} stops delivery of everything else: ${String(error)}. Throw an UnmappableEventError.`);
      });
      must(batch.messages.length + batch.quarantined.length === 2, `${place} takes other events along.`);
      const reason = batch.quarantined[0]?.reason ?? "";
      must(
        !/Cannot (read|set) propert|is not a function|is not iterable|undefined \(/.test(reason),
        `${place} is quarantined for a reason that tells nobody what is missing: ${reason} Parse the data, and throw an UnmappableEventError that names the field.`,
      );
      if (batch.messages.length === 2)
        must(strayCount(batch) <= intended * 2, `${place} shows "${strayWords(batch.messages[0])}" to its reader.`);
    }
  }
}

const STRAY = /\bundefined\b|\[object Object\]|\bNaN\b|Invalid Date/;

/** A word that programs write where something was missing. */
function strayWords(prepared: PreparedMessage | undefined): string | undefined {
  if (!prepared) return undefined;
  const { subject, text, from, to } = prepared.message;
  return STRAY.exec([subject, text, from.name, ...to.map((participant) => participant.name)].join("\n"))?.[0];
}

function strayCount({ messages }: { messages: PreparedMessage[] }): number {
  return messages.filter((prepared) => strayWords(prepared) !== undefined).length;
}

const MARK = "never-seen-before-7f3a";
const STRANGE: Json[] = [
  { kind: MARK, nested: { list: [1, { deep: true }] } },
  MARK,
  [MARK],
  { [MARK]: null },
  7,
  null,
  [],
  {},
];

async function archivesAnything({ connector }: Suite): Promise<void> {
  for (const data of STRANGE) {
    const event: CapturedEvent = {
      type: "Other",
      key: "unknown:1",
      version: "",
      occurredAt: "2026-03-02T09:30:00Z",
      data,
      context: {},
      attachments: [],
    };
    const { messages, quarantined } = await composeEvents(connector, [event]);
    const [prepared] = messages;
    must(
      prepared !== undefined,
      () =>
        `Other does not archive ${JSON.stringify(data)}: ${quarantined[0]?.reason} What is unknown may lack anything.`,
    );
    const shown = JSON.stringify(prepared.message);
    must(
      !JSON.stringify(data).includes(MARK) || shown.includes(MARK),
      () => `Other does not show what it was given: ${JSON.stringify(data)} is neither in the text nor attached.`,
    );
  }
}
