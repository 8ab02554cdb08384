import { hash } from "node:crypto";
import type { Gap, Json } from "@hansard/core";
import type { AttachmentIndex } from "./attachment-index.ts";
import type { BloombergEvent } from "./page-writer.ts";

/** What the events of a batch are resolved against. */
export interface Surroundings {
  group: string;
  attachments: AttachmentIndex;
  disclaimers: Map<string, string>;
  history: "archive" | "exclude";
}

/** An event with what it brings along and what it lacks. */
export interface Resolved {
  event: BloombergEvent;
  contexts: Context[];
  /** What it refers to and the drop does not hold. */
  missing: { files: string[]; disclaimer?: string };
}

/** A context with the id that names its content. */
export interface Context {
  id: string;
  json: Json;
}

export function contextOf(kind: string, value: Json): Context {
  return { id: `${kind}:${hash("sha256", JSON.stringify(value)).slice(0, 24)}`, json: value };
}

/** Short and stable, from the fields that make a thing what it is. */
export function digestOf(...fields: string[]): string {
  return digest(fields.join("\0"));
}

export function digest(text: string): string {
  return hash("sha256", text).slice(0, 24);
}

const SECONDS = Array.from({ length: 60 }, (_, value) => `${String(value).padStart(2, "0")}.000Z`);
let lastMinute = { start: Number.NaN, text: "" };

/** Seconds since 1970 as ISO 8601, or milliseconds where the number is too large for them. */
export function timeOf(epoch: string): string {
  const value = Number(epoch);
  if (value >= 1e11) return new Date(value).toISOString();
  const start = Math.floor(value / 60) * 60;
  // Events come by the million, and a date costs more than all the rest of a time.
  if (start !== lastMinute.start) lastMinute = { start, text: new Date(start * 1000).toISOString().slice(0, 17) };
  return lastMinute.text + (SECONDS[value - start] ?? "");
}

/** The gaps of an event that is there and lacks a part. */
export function partGaps({ event, missing }: Resolved): Gap[] {
  const gaps = missing.files.map((name): Gap => ({
    id: partGapId(event.key, name),
    reason: `The attachment ${name} of ${event.key} is not in the drop.`,
    remedy: "Ask Bloomberg for the day's attachments archive. It is joined to the message when it comes.",
    events: 0,
  }));
  if (missing.disclaimer === undefined) return gaps;
  const id = partGapId(event.key, `disclaimer ${missing.disclaimer}`);
  const reason = `The disclaimer ${missing.disclaimer} of ${event.key} is not in the drop.`;
  return [
    ...gaps,
    {
      id,
      reason,
      remedy: "Ask Bloomberg for the day's DSCL file. It is joined to the message when it comes.",
      events: 0,
    },
  ];
}

export function partGapId(key: string, part: string): string {
  return `part:${key}:${part}`;
}
