import { createHash } from "node:crypto";
import type { DayFile } from "./drop.ts";
import { chatUser, idOf, type Person } from "./people.ts";
import type { Random } from "../../random.ts";
import type { TrueEvent } from "./truth.ts";
import { element } from "./xml.ts";

const TEXTS = [
  "Offer 99-24 for 5mm?",
  "done & dusted",
  "a < b && c > d",
  "Grüße 👋",
  "line one\nline two",
  "  spaced  ",
  "ok",
  "ok",
  "ok",
];

export interface ChatDay {
  conversations: string[];
  events: TrueEvent[];
}

interface Making {
  random: Random;
  people: Person[];
  /** Seconds since 1970 at which the day begins. */
  midnight: number;
  addFile: (name: string, sender: Person) => DayFile;
}

/** A day's conversations, each played by a small simulation that knows who is in the room. */
export function makeChats(making: Making, count: number): ChatDay {
  const day: ChatDay = { conversations: [], events: [] };
  for (let index = 0; index < count; index++) {
    const { xml, events } = makeConversation(making);
    day.conversations.push(xml);
    day.events.push(...events);
  }
  return day;
}

function makeConversation(making: Making): { xml: string; events: TrueEvent[] } {
  const { random, midnight } = making;
  const persistent = random.chance(0.3);
  const room = persistent ? `PCHAT-0x${random.hex(12)}` : `CHAT-fs:${random.hex(16)}`;
  const start = midnight + random.below(40_000);
  const play = new Play(making, { room, persistent, start });
  const steps = 3 + random.below(25);
  for (let step = 0; step < steps; step++) play.step();
  const times = `${element("StartTime", slashed(start))}${element("StartTimeUTC", String(start))}`;
  const ends = `${element("EndTime", slashed(start + 40_000))}${element("EndTimeUTC", String(start + 40_000))}`;
  return {
    xml: `<Conversation Perspective=" " RoomType="${persistent ? "P" : "C"}">${element("RoomID", room)}${times}${play.xml.join("\n")}${ends}</Conversation>`,
    events: play.finish(),
  };
}

/** A room with people going in and out. It lives as long as its conversation is made. */
class Play {
  readonly xml: string[] = [];
  readonly #making: Making;
  readonly #room: { room: string; persistent: boolean; start: number };
  readonly #events: (TrueEvent & { present: Set<Person>; actor: Person | undefined })[] = [];
  readonly #present = new Set<Person>();
  readonly #entered = new Set<Person>();
  /** Those who acted without entering were there from the beginning. */
  readonly #always = new Set<Person>();
  #time: number;

  constructor(making: Making, room: { room: string; persistent: boolean; start: number }) {
    this.#making = making;
    this.#room = room;
    this.#time = room.start;
  }

  step(): void {
    const { random, people } = this.#making;
    // Membership changes come in seconds of their own, so that what "at that moment" means is beyond doubt.
    this.#time += 1 + random.below(60);
    const inside = [...this.#present];
    const outside = people.filter((person) => !this.#present.has(person));
    const choice = random.next();
    if (inside.length === 0 || (choice < 0.15 && outside.length > 0)) return this.#enter(random.pick(outside));
    const actor = random.pick(inside);
    if (choice < 0.25) return this.#leave(actor);
    if (choice < 0.32) return this.#invite(actor, random.pick(people));
    if (choice < 0.4) return this.#file(actor);
    if (choice < 0.44) return this.#history(actor);
    if (choice < 0.47) return this.#system(actor);
    if (choice < 0.5) return this.#unknown(actor);
    this.#message(actor);
    if (random.chance(0.15)) this.#message(actor);
  }

  finish(): TrueEvent[] {
    return this.#events.map(({ present, actor, ...event }) => {
      for (const person of this.#always) {
        const firstEntry = this.#events.findIndex(({ type, actor }) => type === "Leave" && actor === person);
        const index = this.#events.findIndex((other) => other.present === present);
        if (firstEntry === -1 || index <= firstEntry) present.add(person);
      }
      const to = [...present].filter((person) => person !== actor).map(idOf);
      return { ...event, to: [...new Set([...to, ...event.to])].filter((id) => id !== event.from).sort() };
    });
  }

  #enter(person: Person): void {
    if (this.#making.random.chance(0.3) && !this.#entered.has(person) && !this.#always.has(person)) {
      // Present since before midnight: no entry is in the file, the first message is.
      this.#always.add(person);
      this.#present.add(person);
      return this.#message(person);
    }
    this.#entered.add(person);
    this.#present.add(person);
    this.#write("ParticipantEntered", chatUser("User", person), {
      type: "Join",
      actor: person,
      says: "entered the chat.",
    });
  }

  #leave(person: Person): void {
    this.#write("ParticipantLeft", chatUser("User", person), { type: "Leave", actor: person, says: "left the chat." });
    this.#present.delete(person);
  }

  #message(person: Person): void {
    const { random } = this.#making;
    const note = random.chance(0.03);
    const text = note ? `[Bloomberg created note: ${random.hex(6)}]` : random.pick(TEXTS);
    const type = note ? "Note" : this.#room.persistent ? "PersistentChat" : "Chat";
    this.#write("Message", chatUser("User", person), { type, actor: person, says: text }, element("Content", text));
  }

  #system(person: Person): void {
    this.#write(
      "SystemMessage",
      chatUser("User", person),
      { type: "System", actor: person, says: "Room renamed" },
      element("Content", "Room renamed"),
    );
  }

  #history(person: Person): void {
    const window = `${element("StartTime", "x")}${element("StartTimeUTC", String(this.#room.start - 86_400))}${element("EndTime", "x")}${element("EndTimeUTC", String(this.#room.start))}`;
    this.#write(
      "History",
      chatUser("User", person),
      { type: "History", actor: person, says: "looked at the messages" },
      window,
    );
  }

  #invite(inviter: Person, invitee: Person): void {
    const users = chatUser("Inviter", inviter) + chatUser("Invitee", invitee);
    this.#write(
      "Invite",
      users,
      { type: "Invite", actor: inviter, says: "please join", to: [idOf(invitee)] },
      element("Content", "please join"),
    );
  }

  #file(person: Person): void {
    const name = `prices ${this.#making.random.hex(4)}.csv`;
    if (this.#making.random.chance(0.1)) {
      this.#write(
        "Attachment",
        chatUser("User", person),
        { type: "File", actor: person, says: "NEWS: 12345" },
        element("Reference", "NEWS: 12345"),
      );
      return;
    }
    const { id, content } = this.#making.addFile(name, person);
    const files = content ? [createHash("sha256").update(content).digest("hex")] : [];
    const said = { type: "File", actor: person, says: name, files, missing: content ? 0 : 1 };
    this.#write("Attachment", chatUser("User", person), said, element("FileName", name) + element("FileID", id));
  }

  #unknown(person: Person): void {
    this.#write(
      "Reaction",
      chatUser("User", person),
      { type: "Other", actor: undefined, says: "Reaction" },
      element("Emoji", "👍"),
    );
  }

  #write(
    name: string,
    users: string,
    said: Partial<TrueEvent> & { type: string; says: string; actor: Person | undefined },
    rest = "",
  ): void {
    const { random } = this.#making;
    const mobile = random.chance(0.1) ? ' DeviceType="M"' : "";
    const times = `${element("DateTime", slashed(this.#time))}${element("DateTimeUTC", String(this.#time))}`;
    this.xml.push(
      `<${name} InteractionType="N"${mobile}>${users}${times}${rest}${element("ConversationID", this.#room.room)}</${name}>`,
    );
    this.#events.push({
      files: [],
      missing: 0,
      to: [],
      ...said,
      at: new Date(this.#time * 1000).toISOString(),
      from: said.actor ? idOf(said.actor) : "bloomberg",
      present: new Set(this.#present),
    });
  }
}

function slashed(seconds: number): string {
  const [date = "", time = ""] = new Date(seconds * 1000).toISOString().slice(0, 19).split("T");
  const [year, month, day] = date.split("-");
  return `${month}/${day}/${year} ${time}`;
}
