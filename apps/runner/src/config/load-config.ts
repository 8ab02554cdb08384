import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { SettingsError } from "@hansard/core";
import { LineCounter, parseDocument } from "yaml";
import { issueInWords } from "./issue-in-words.ts";
import { Configuration } from "./schema.ts";

export interface LoadedConfiguration extends Configuration {
  /** The file it came from. */
  file: string;
  /** The file's folder, which relative paths and package names start from. */
  folder: string;
  /** The data folder as an absolute path. */
  dataFolder: string;
  /** The file and the line of a setting, or of what is nearest around it: how an error about it begins. */
  placeOf(path: string): string;
}

const LOOKED_FOR = ["hansard.yaml", "hansard-data/hansard.yaml"];

/** Reads and checks `hansard.yaml`. Every error names the file, the line, the path and the remedy. */
export function loadConfig(named?: string): LoadedConfiguration {
  const file = resolve(named ?? LOOKED_FOR.find((candidate) => existsSync(candidate)) ?? "hansard.yaml");
  if (!existsSync(file)) {
    throw new SettingsError(`There is no configuration at ${file}.`, {
      remedy: 'Run "hansard init" to write one, or name another with --config.',
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines, maxAliasCount: 0 } as never);
  const [broken] = document.errors;
  if (broken)
    throw new SettingsError(`${file}, line ${lines.linePos(broken.pos[0]).line}: ${broken.message.split("\n")[0]}`, {
      remedy: "Mend the YAML.",
    });
  const placeOf = (path: string) => `${file}${lineOf(document, path.split(/[.[\]]+/), lines)}`;
  const parsed = Configuration.safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${placeOf(path.join("."))}: ${path.join(".") || "the file"} ${issueInWords(message)}`,
    );
    throw new SettingsError(problems.join("\n"), {
      remedy: "Mend what is named; docs/running.md lists every setting.",
    });
  }
  checkReferences(parsed.data, placeOf);
  const folder = dirname(file);
  return { ...parsed.data, file, folder, dataFolder: join(folder, parsed.data.data), placeOf };
}

function checkReferences({ sources, destinations }: Configuration, placeOf: (path: string) => string): void {
  for (const [id, source] of Object.entries(sources)) {
    for (const destination of source.destinations ?? []) {
      if (!Object.hasOwn(destinations, destination)) {
        throw new SettingsError(
          `${placeOf(`sources.${id}.destinations`)}: sources.${id}.destinations names "${destination}", which is not a key of destinations.`,
          {
            remedy: `Name one of: ${Object.keys(destinations).join(", ")}.`,
          },
        );
      }
    }
  }
}

function lineOf(document: ReturnType<typeof parseDocument>, path: PropertyKey[], lines: LineCounter): string {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range))
      return `, line ${lines.linePos(Number(node.range[0])).line}`;
  }
  return "";
}
