import {
  type CapturedEvent,
  type MessageAttachment,
  type MessageDraft,
  type Participant,
  UnmappableEventError,
} from "@hansard/core";
import { z } from "zod";
import { ChatEvent, ChatUser, Room } from "../schema.ts";
import { chatParticipant, distinct, nameOf } from "./people.ts";
import { firstLine, readableTime, unescapeTwice } from "./text.ts";

interface Scene {
  data: ChatEvent;
  room: Room;
  from: Participant;
  /** Everyone who was in the room, the sender included. */
  present: Participant[];
}

export function chatMessage(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  const text = unescapeTwice(scene.data.Content ?? "");
  return draft(event, scene, { subject: firstLine(text) || "(no text)", text });
}

export function chatNote(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  const text = unescapeTwice(scene.data.Content ?? "");
  return draft(event, scene, {
    subject: `Note: ${firstLine(text)}`,
    text,
    notes: ["Bloomberg wrote this text, not the person."],
  });
}

export function chatSystem(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  const text = unescapeTwice(scene.data.Content ?? "");
  return draft(event, scene, {
    subject: `System: ${firstLine(text)}`,
    text,
    notes: ["This is a message of the system."],
  });
}

export function chatJoin(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  return draft(event, scene, sentence(`${scene.from.name ?? scene.from.id} entered the chat.`));
}

export function chatLeave(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  return draft(event, scene, sentence(`${scene.from.name ?? scene.from.id} left the chat.`));
}

export function chatInvite(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  const { Invitee, Content } = scene.data;
  if (!Invitee) throw unmappable(event, "Invitee");
  const invitee = chatParticipant(Invitee);
  const subject = `${scene.from.name ?? scene.from.id} invited ${invitee.name ?? invitee.id}.`;
  const said = unescapeTwice(Content ?? "");
  return draft(
    event,
    { ...scene, present: [...scene.present, invitee] },
    { subject, text: said ? `${subject}\n\n${said}` : subject },
  );
}

export function chatHistory(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  const { StartTimeUTC, EndTimeUTC } = scene.data;
  const name = scene.from.name ?? scene.from.id;
  const window = `from ${readableTime(StartTimeUTC)} to ${readableTime(EndTimeUTC)}`;
  return draft(event, scene, {
    subject: `${name} looked at past messages`,
    text: `${name} looked at the messages of this chat ${window}.`,
  });
}

export function chatFile(event: CapturedEvent): MessageDraft {
  const scene = sceneOf(event);
  const { FileName, Reference, FileID } = scene.data;
  const name = FileName ?? Reference ?? FileID ?? "a file";
  const attachments = event.attachments.flatMap((file): MessageAttachment[] =>
    "blob" in file ? [{ id: file.id, name: file.name, content: { blob: file.blob } }] : [],
  );
  const notes = event.attachments.flatMap((file) =>
    "unavailable" in file ? [`The attachment ${file.name} is missing. ${file.unavailable}`] : [],
  );
  if (event.attachments.length === 0) notes.push("The source gives a reference in place of a file.");
  const text = `${scene.from.name ?? scene.from.id} sent ${name}.`;
  return draft(event, scene, { subject: `File: ${firstLine(name)}`, text, attachments, notes });
}

function sentence(text: string): { subject: string; text: string } {
  return { subject: text, text };
}

function sceneOf(event: CapturedEvent): Scene {
  const data = ChatEvent.parse(event.data);
  const user = data.User ?? data.Inviter;
  if (!user) throw unmappable(event, "User");
  const present = z.array(ChatUser).parse(event.context["people"]).map(chatParticipant);
  return { data, room: Room.parse(event.context["room"]), from: chatParticipant(user), present };
}

function unmappable({ key }: CapturedEvent, element: string): UnmappableEventError {
  return new UnmappableEventError(`The event ${key} lacks the element ${element}.`, {
    scope: { event: key },
    remedy: "Report it with the event's raw data: the file's format is not the one that is known.",
  });
}

type Said = Pick<MessageDraft, "subject" | "text" | "attachments" | "notes">;

function draft({ occurredAt }: CapturedEvent, { data, room, from, present }: Scene, said: Said): MessageDraft {
  const place: Participant = { id: room.id, name: roomName(room), kind: "place" };
  const to = distinct(present, [from]);
  const notes = [...(said.notes ?? [])];
  if (to.length === 0) notes.push("Nobody else was in the chat at that time, as far as the source says.");
  if (data["@InteractionType"] === "H") notes.push("The source repeated this from the chat's history.");
  if (data["@DeviceType"] === "M") notes.push(`${nameOf(from)} used a mobile device.`);
  return {
    from,
    to: to.length > 0 ? to : [place],
    date: occurredAt,
    subject: said.subject,
    text: said.text,
    ...(said.attachments?.length && { attachments: said.attachments }),
    ...(notes.length > 0 && { notes }),
    conversation: { id: room.id, name: roomName(room) },
  };
}

function roomName({ id, persistent }: Room): string {
  return `${persistent ? "Persistent chat" : "Chat"} ${id}`;
}
