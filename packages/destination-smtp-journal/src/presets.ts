import { type Delivery, parseMessageClass } from "@hansard/core/ingestion";
import { asciiOrEncodedWords } from "./header-text.ts";
import { type Wrapping, journalReport } from "./journal-report.ts";
import type { Settings } from "./settings.ts";

/** Header fields by preset. {source} and the like are filled in for each message. */
const HEADERS: Record<Settings["preset"], Record<string, string>> = {
  exchange: {},
  globalrelay: { "X-GlobalRelay-MsgType": "{source}" },
  "enterprise-vault": {
    "X-Kvs-IndexData":
      '<ARCHIVED_ITEM version="1.0"><PROPSET NAME="EVXHDR"><PROP NAME="X-Archive-Source"><VALUE>{source}</VALUE></PROP><PROP NAME="X-Archive-Event"><VALUE>{event}</VALUE></PROP></PROPSET></ARCHIVED_ITEM>',
  },
  generic: { "X-Archive-Source": "{source}", "X-Archive-Event": "{event}", "X-Archive-Mailbox": "{mailbox}" },
};

const DEFAULTS = { messagesPerConnection: 100, messageBytes: 36_000_000 };
const PRESET_LIMITS: Partial<Record<Settings["preset"], typeof DEFAULTS>> = {
  globalrelay: { messagesPerConnection: 400, messageBytes: 250_000_000 },
};
/** A report of 2,000 recipients with long addresses, and the header fields. */
const WRAPPING_BYTES = 256 * 1024;

export interface Limits {
  messagesPerConnection: number;
  /** Of what goes over the wire. */
  messageBytes: number;
  /** Of the mail within. */
  mailBytes: number;
}

export function limitsOf(settings: Settings): Limits {
  const preset = PRESET_LIMITS[settings.preset] ?? DEFAULTS;
  const messageBytes = settings.messageBytes ?? preset.messageBytes;
  return {
    messagesPerConnection: settings.messagesPerConnection ?? preset.messagesPerConnection,
    messageBytes,
    mailBytes: Math.max(messageBytes - WRAPPING_BYTES, Math.floor(messageBytes / 2)),
  };
}

/** What the preset puts around a message. The same delivery always gives the same bytes. */
export function wrap(delivery: Delivery, settings: Settings, to: string): Wrapping {
  const fields = headerFields(delivery, settings);
  if (settings.preset !== "exchange") return { before: fields, after: "", messageId: delivery.message.id };
  const from = settings.reportFrom ?? (settings.sender === "" ? to : settings.sender);
  const report = journalReport(delivery, { from, to });
  return { ...report, before: fields + report.before };
}

function headerFields({ message, mailbox }: Delivery, settings: Settings): string {
  const parts = parseMessageClass(message.messageClass);
  const values = {
    source: parts?.source ?? "",
    event: parts?.event ?? "",
    messageClass: message.messageClass,
    mailbox,
  };
  const archive = settings.archiveId === undefined ? {} : { "X-Kvs-ArchiveId": settings.archiveId };
  const templates = {
    ...(settings.preset === "enterprise-vault" && archive),
    ...HEADERS[settings.preset],
    ...settings.headers,
  };
  return Object.entries(templates)
    .filter(([, template]) => template !== "")
    .map(([name, template]) => `${name}: ${asciiOrEncodedWords(fill(template, values), name.length + 2)}\r\n`)
    .join("");
}

function fill(template: string, values: Record<string, string>): string {
  const isXml = template.startsWith("<");
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) return placeholder;
    return isXml ? value.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`) : value;
  });
}
