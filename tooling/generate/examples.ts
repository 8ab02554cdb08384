import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageDraft, Participant } from "@hansard/core";
import { code, plain, table } from "./markdown.ts";
import type { Source } from "./outputs.ts";

const TEXT_LENGTH = 80;

/** The message classes, each with examples of what the source says and the message that it becomes. */
export function eventsSection(source: Source): string {
  const rows = Object.keys(source.connector.events).map((type) => [
    classOf(source, type),
    fixturesOf(source, type)
      .map((name) => `[${caseOf(name)}](fixtures/${name})`)
      .join(", "),
  ]);
  return table(["message class", "examples: event and message"], rows);
}

/** The same for the page of all connectors: each with one message as people read it. */
export function messagesSection(source: Source): string {
  const { id, folder } = source.workspace;
  const rows = Object.keys(source.connector.events).map((type) => {
    const [name] = fixturesOf(source, type);
    if (name === undefined) return [classOf(source, type), "", "", ""];
    const file = join(folder, "fixtures", name);
    const { message }: { message: MessageDraft } = JSON.parse(readFileSync(file, "utf8"));
    return [
      classOf(source, type),
      `[${plain(message.subject)}](../connectors/${id}/fixtures/${name})`,
      plain(`${nameOf(message.from)} → ${message.to.map(nameOf).join(", ") || "nobody"}`),
      plain(beginningOf(message.text)),
    ];
  });
  return table(["message class", "an example: subject", "from → to", "text"], rows);
}

function classOf({ connector: { source } }: Source, type: string): string {
  return code(`IPM.NOTE.${source}.${type}`);
}

function fixturesOf({ workspace: { folder } }: Source, type: string): string[] {
  const all = existsSync(join(folder, "fixtures")) ? readdirSync(join(folder, "fixtures")).sort() : [];
  return all.filter((name) => name.startsWith(`${type}.`) && name.endsWith(".json"));
}

function caseOf(fixture: string): string {
  return fixture.split(".").slice(1, -1).join(".").replaceAll("-", " ");
}

function nameOf({ name, id }: Participant): string {
  return name ?? id;
}

function beginningOf(text: string): string {
  const letters = [...text.replaceAll(/\s+/g, " ").trim()];
  return letters.length > TEXT_LENGTH ? `${letters.slice(0, TEXT_LENGTH).join("")}…` : letters.join("");
}
