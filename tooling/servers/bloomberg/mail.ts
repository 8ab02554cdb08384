import { createHash } from "node:crypto";
import type { DayFile } from "./drop.ts";
import { idOf, mailUser, type Person } from "./people.ts";
import type { Random } from "../../random.ts";
import type { TrueEvent } from "./truth.ts";
import { element } from "./xml.ts";

interface Making {
  random: Random;
  people: Person[];
  midnight: number;
  disclaimers: Map<string, string>;
  addFile: (name: string, sender: Person) => DayFile;
}

export interface MailDay {
  messages: string[];
  events: TrueEvent[];
}

export function makeMails(making: Making, count: number): MailDay {
  const day: MailDay = { messages: [], events: [] };
  for (let index = 0; index < count; index++) {
    const { xml, event } = makeMail(making, index);
    day.messages.push(xml);
    day.events.push(event);
  }
  return day;
}

function makeMail(
  { random, people, midnight, disclaimers, addFile }: Making,
  index: number,
): { xml: string; event: TrueEvent } {
  const sender = random.pick(people);
  const recipients = [...new Set(Array.from({ length: 1 + random.below(5) }, () => random.pick(people)))];
  const type = random.chance(0.8) ? "BCC" : random.pick(["TO", "CC"]);
  const time = midnight + index * 60 + random.below(60);
  const files: DayFile[] = Array.from({ length: random.chance(0.3) ? 1 + random.below(3) : 0 }, (_, nth) =>
    addFile(nth === 0 && random.chance(0.4) ? "alt_body.html" : `Report ${random.hex(3)} (v1).pdf`, sender),
  );
  const references = [...disclaimers.keys()];
  const resolves = random.chance(0.9);
  const disclaimer =
    random.chance(0.5) && references.length > 0 ? (resolves ? random.pick(references) : "999999") : undefined;
  const body = `Dear all, ${random.pick(["rates & such", "a <b> tag", "naïve café", "two\nlines"])} ${random.hex(8)}`;
  const xml = [
    "<Message>",
    element("MsgID", random.hex(24).toUpperCase()),
    element("MsgTime", "2020-03-13-15.35.22.000000"),
    element("MsgTimeUTC", String(time)),
    element("MsgLang", "English"),
    `<Sender${random.chance(0.2) ? ' DeviceType="M"' : ""}>${mailUser(sender)}</Sender>`,
    ...recipients.map((person) => `<Recipient DeliveryType="${type}">${mailUser(person)}</Recipient>`),
    element("Subject", `Subject ${index}`),
    ...files.map(
      ({ id, name, content }) =>
        `<Attachment>${element("FileName", name)}${element("FileID", id)}${element("FileSize", String(content?.length ?? 0))}</Attachment>`,
    ),
    element("MsgBody", body),
    disclaimer === undefined ? "" : element("DisclaimerReference", disclaimer),
    "</Message>",
  ].join("\n");
  const isUnresolved = disclaimer !== undefined && !disclaimers.has(disclaimer);
  return {
    xml,
    event: {
      type: "Mail",
      at: new Date(time * 1000).toISOString(),
      from: idOf(sender),
      to: recipients.map(idOf).sort(),
      says: disclaimer === undefined || isUnresolved ? body : `${body}\n\n${disclaimers.get(disclaimer)}`,
      files: files
        .flatMap(({ content }) => (content ? [createHash("sha256").update(content).digest("hex")] : []))
        .sort(),
      missing: files.filter(({ content }) => !content).length + (isUnresolved ? 1 : 0),
    },
  };
}
