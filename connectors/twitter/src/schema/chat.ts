import type { Json } from "@hansard/core";
import { z } from "zod";

const WireConversation = z.looseObject({
  id: z.string().regex(/^[\w:-]{1,100}$/),
  participant_ids: z.array(z.string()).optional(),
  group_name: z.string().optional(),
  updated_at: z.string().optional(),
});

/** A conversation that is encrypted from end to end. */
export interface Conversation {
  /** In the form that addresses take: `1-3` for two people, `g` and a number for a group. */
  id: string;
  participantIds: string[];
  /** Milliseconds since 1970; undefined where X does not tell. */
  updatedAt: number | undefined;
}

export function parseConversation(raw: Json): Conversation {
  const { id, participant_ids, updated_at } = WireConversation.parse(raw);
  const dashed = id.replaceAll(":", "-");
  const pair = /^(\d+)-(\d+)$/.exec(dashed)?.slice(1) ?? [];
  return { id: dashed, participantIds: participant_ids ?? pair, updatedAt: millisecondsOf(updated_at) };
}

const WireEvent = z
  .looseObject({
    id: z.string().optional(),
    sequence_id: z.string().optional(),
    created_at_msec: z.string().optional(),
  })
  .refine(({ id, sequence_id }) => id !== undefined || sequence_id !== undefined, "has no id");

/** What X tells of an encrypted message beside its ciphertext. */
export interface EncryptedEvent {
  id: string;
  /** Milliseconds since 1970; undefined where X does not tell. */
  createdAt: number | undefined;
}

export function parseEncryptedEvent(raw: Json): EncryptedEvent {
  const { id, sequence_id = "", created_at_msec } = WireEvent.parse(raw);
  return { id: id ?? sequence_id, createdAt: millisecondsOf(created_at_msec) };
}

/** X writes times as dates in one place and as milliseconds in another. */
function millisecondsOf(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const value = /^\d+$/.test(time) ? Number(time) : Date.parse(time);
  return Number.isFinite(value) ? value : undefined;
}
