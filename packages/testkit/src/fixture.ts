import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { CapturedEvent, Json } from "@hansard/core";
import { z } from "zod";

const Attachment = z.looseObject({ id: z.string(), name: z.string() });

const Pair = z.object({
  /** What a compliance officer should know about it. */
  about: z.string().optional(),
  /** The claims of `captures` that it shows, such as `edits:every-version`. */
  shows: z.array(z.string()).default([]),
  event: z.object({
    type: z.string(),
    key: z.string().min(1),
    version: z.string().default(""),
    occurredAt: z.string(),
    data: z.json(),
    context: z.record(z.string(), z.json()).default({}),
    attachments: z.array(Attachment).default([]),
  }),
  message: z.json().optional(),
});

/** One event, and the message that it must become. */
export interface Fixture {
  shows: string[];
  event: CapturedEvent;
  message: Json | undefined;
}

/** A file of the fixtures' folder: what it holds, or why it cannot be read. */
export type FixtureFile = { name: string; url: URL } & ({ fixture: Fixture } | { problem: string });

/** All fixtures of a folder, in the order of their names. */
export function loadFixtures(folder: URL): FixtureFile[] {
  const place = folder.href.endsWith("/") ? folder : new URL(`${folder.href}/`);
  return filesIn(place).map((name) => ({ name, url: new URL(name, place), ...load(new URL(name, place), name) }));
}

/** Puts the message into a fixture, for its author to read and to commit. */
export function writeMessage(url: URL, message: Json): void {
  const content: unknown = JSON.parse(readFileSync(url, "utf8"));
  writeFileSync(
    url,
    `${JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(content), message }, undefined, 2)}\n`,
  );
}

function filesIn(folder: URL): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .sort();
  } catch {
    return [];
  }
}

function load(url: URL, name: string): { fixture: Fixture } | { problem: string } {
  try {
    const { event, shows, message } = Pair.parse(JSON.parse(readFileSync(url, "utf8")));
    const [type, , ending] = name.split(".");
    if (type !== event.type || ending !== "json") {
      return {
        problem: `It must be named ${event.type}.<case>.json after the type of its event, with a case in letters, digits and hyphens.`,
      };
    }
    return { fixture: { shows, event: event as CapturedEvent, message } };
  } catch (error) {
    return { problem: error instanceof z.ZodError ? z.prettifyError(error) : String(error) };
  }
}
