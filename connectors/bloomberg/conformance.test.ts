import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { conformance } from "@hansard/testkit";
import { chatUser, mailUser, makePeople } from "../../tooling/servers/bloomberg/people.ts";
import { createRandom } from "../../tooling/random.ts";
import { element } from "../../tooling/servers/bloomberg/xml.ts";
import { connector } from "./src/index.ts";

const MIDNIGHT = 1_584_057_600;
const DAY_SECONDS = 86_400;
const LARGE_DAYS = 24;
const LARGE_MAILS = 997;
const [ada, grace] = makePeople(createRandom(7), 2);
if (!ada || !grace) throw new Error("There are no people to write to each other.");
const [ADA, GRACE] = [ada, grace];

conformance(connector, {
  fixtures: new URL("./fixtures/", import.meta.url),
  source: {
    events: 10,
    async settings({ folder, large }) {
      for (let day = 0; day < (large ? LARGE_DAYS : 2); day += 1) await writeDay(folder, day, large ? LARGE_MAILS : 2);
      return { drop: { folder }, completion: { stableForSeconds: 0, graceHours: 0 } };
    },
    later: { events: 6, happen: ({ folder }) => writeDay(folder, 2, 3) },
    large: { events: LARGE_DAYS * (LARGE_MAILS + 3) },
  },
});

/** A day's mails, two at each time, and a conversation with something of an unknown kind in it. */
async function writeDay(folder: string, day: number, mails: number): Promise<void> {
  const start = MIDNIGHT + day * DAY_SECONDS;
  const date = new Date(start * 1000).toISOString().slice(2, 10).replaceAll("-", "");
  const messages = Array.from({ length: mails }, (_, index) => mail(`${date}-${index}`, start + Math.floor(index / 2)));
  await writeFile(join(folder, `f101.msg.${date}.xml`), dump("MSGXML 1.6", messages));
  await writeFile(join(folder, `f101.ib.${date}.xml`), dump("IBXML 1.3", [conversation(date, start)]));
}

function mail(id: string, at: number): string {
  const sender = `<Sender>${mailUser(ADA)}</Sender>`;
  const recipient = `<Recipient DeliveryType="TO">${mailUser(GRACE)}</Recipient>`;
  const body = element("Subject", `Mail ${id}`) + element("MsgBody", `Body of ${id}. ${"Text. ".repeat(150)}`);
  return `<Message>${element("MsgID", id)}${element("MsgTimeUTC", String(at))}${sender}${recipient}${body}</Message>`;
}

function conversation(date: string, start: number): string {
  const room = `CHAT-fs:${date}`;
  const times = element("StartTime", "x") + element("StartTimeUTC", String(start));
  const happenings = [
    happening("ParticipantEntered", room, start),
    happening("Message", room, start, element("Content", "Good morning")),
    happening("Hologram", room, start + 60, element("Shape", "cube")),
  ];
  const ends = element("EndTime", "x") + element("EndTimeUTC", String(start + 3600));
  return `<Conversation Perspective=" " RoomType="C">${element("RoomID", room)}${times}${happenings.join("")}${ends}</Conversation>`;
}

function happening(name: string, room: string, at: number, more = ""): string {
  const time = element("DateTime", "x") + element("DateTimeUTC", String(at));
  return `<${name} InteractionType="N">${chatUser("User", ADA)}${time}${more}${element("ConversationID", room)}</${name}>`;
}

function dump(version: string, parts: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>${element("Version", version)}${parts.join("\n")}</FileDump>\n`;
}
