import { CLAIM_NAMES, meaningOf } from "./captures.ts";
import { messagesSection } from "./examples.ts";
import { code, table } from "./markdown.ts";
import type { Source } from "./outputs.ts";

/** The page that lists all connectors. */
export function catalogue(sources: Source[]): string {
  const claims = Object.keys(CLAIM_NAMES) as (keyof typeof CLAIM_NAMES)[];
  const rows = sources.map(({ workspace: { id, manifest }, connector: { title, source, captures } }) => [
    `[${title}](../connectors/${id}/README.md)`,
    code(manifest.name),
    code(`IPM.NOTE.${source}.*`),
    ...claims.map((claim) => meaningOf(captures, claim)),
    captures.history,
  ]);
  return [
    "# Connectors",
    "Generated from the connectors' definitions; do not edit. Each claim is shown by a fixture, or the connector's conformance test fails. The README of each connector says what its source never gives.",
    table(["source", "package", "message classes", ...claims.map((claim) => CLAIM_NAMES[claim]), "History"], rows),
    "## Messages",
    "Every message class that the connectors write, with an example from their fixtures: the link leads to the event as the source tells it and to the message that it becomes.",
    ...sources.flatMap((source) => [`### ${source.connector.title}`, messagesSection(source)]),
    "A source is missing? [Write a connector](writing-a-connector.md).",
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}
