import { open } from "node:fs/promises";
import { chatUser, makePeople, type Person } from "./people.ts";
import { createRandom } from "../../random.ts";
import { element } from "./xml.ts";

const WORDS =
  "the offer stands at ninety nine twenty four for five million do you want to trade & settle next <week> thanks".split(
    " ",
  );
const EVENTS_A_CONVERSATION = 400;

/** Writes a chat file of about `bytes` bytes: rooms of some people who enter, talk and leave. */
export async function writeLargeChat(path: string, bytes: number): Promise<{ bytes: number; events: number }> {
  const random = createRandom(1);
  const people = makePeople(random, 300);
  const file = await open(path, "wx");
  let written = 0;
  let events = 0;
  async function write(text: string): Promise<void> {
    const chunk = Buffer.from(text);
    await file.writeFile(chunk);
    written += chunk.byteLength;
  }
  await write(`<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>\n<Version>1.9</Version>\n`);
  while (written < bytes) {
    const inRoom = Array.from({ length: 2 + random.below(10) }, () => random.pick(people));
    const { xml, count } = conversation([...new Set(inRoom)], random);
    await write(xml);
    events += count;
  }
  await write("</FileDump>\n");
  await file.close();
  return { bytes: written, events };
}

function conversation(people: Person[], random: ReturnType<typeof createRandom>): { xml: string; count: number } {
  const room = `CHAT-fs:${random.hex(16)}`;
  let time = 1_584_057_600 + random.below(50_000);
  const parts = [
    `<Conversation Perspective=" " RoomType="C">\n<RoomID>${room}</RoomID>\n<StartTimeUTC>${time}</StartTimeUTC>\n`,
  ];
  function add(name: string, person: Person, rest = ""): void {
    parts.push(
      `<${name} InteractionType="N">${chatUser("User", person)}<DateTime>03/13/2020 00:00:00</DateTime><DateTimeUTC>${time}</DateTimeUTC>${rest}<ConversationID>${room}</ConversationID></${name}>\n`,
    );
  }
  for (const person of people) add("ParticipantEntered", person);
  for (let index = 0; index < EVENTS_A_CONVERSATION; index++) {
    time += random.below(30);
    const text = Array.from({ length: 4 + random.below(20) }, () => random.pick(WORDS)).join(" ");
    add("Message", random.pick(people), element("Content", text));
  }
  for (const person of people) add("ParticipantLeft", person);
  parts.push(`<EndTimeUTC>${time}</EndTimeUTC>\n</Conversation>\n`);
  return { xml: parts.join(""), count: EVENTS_A_CONVERSATION + 2 * people.length };
}
