import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { Connector } from "@hansard/core";
import { configurationSchema } from "@hansard/runner";
import { ROOT, type Workspace, workspaces } from "../workspace.ts";
import { capturesSection } from "./captures.ts";
import { catalogue } from "./catalogue.ts";
import { eventsSection } from "./examples.ts";
import { settingsSection } from "./settings.ts";

/** A file with generated content. */
export interface Output {
  file: string;
  content: string;
}

export interface Source {
  workspace: Workspace;
  connector: Connector;
}

/** Every file that is generated, whole or in part, as it should be. */
export async function outputs(): Promise<Output[]> {
  const sources = await connectors();
  return [
    { file: join(ROOT, "docs", "connectors.md"), content: catalogue(sources) },
    {
      file: join(ROOT, "apps", "runner", "hansard.schema.json"),
      content: `${JSON.stringify(configurationSchema(), undefined, 2)}\n`,
    },
    ...sources.flatMap(readme),
  ];
}

/** Whether a file is not as it should be. JSON may be laid out in any way. */
export function isStale({ file, content }: Output): boolean {
  if (!existsSync(file)) return true;
  const present = readFileSync(file, "utf8");
  return file.endsWith(".json") ? !isDeepStrictEqual(JSON.parse(present), JSON.parse(content)) : present !== content;
}

async function connectors(): Promise<Source[]> {
  const found = workspaces().filter(({ kind }) => kind === "connectors");
  return Promise.all(found.map(async (workspace) => ({ workspace, connector: await load(workspace) })));
}

async function load({ folder, id }: Workspace): Promise<Connector> {
  const module: { connector?: Connector } = await import(pathToFileURL(join(folder, "src", "index.ts")).href);
  if (!module.connector) throw new Error(`connectors/${id}/src/index.ts exports no "connector".`);
  return module.connector;
}

const SECTIONS: Record<string, (source: Source) => string> = {
  settings: settingsSection,
  events: eventsSection,
  captures: capturesSection,
};

/** A README with what stands between its markers written anew; a README that does not exist yet is its author's to write. */
function readme(source: Source): Output[] {
  const file = join(source.workspace.folder, "README.md");
  if (!existsSync(file)) return [];
  const content = readFileSync(file, "utf8").replaceAll(
    /(<!-- generated:(\w+) -->)[^]*?(<!-- \/generated -->)/g,
    (_, start: string, name: string, end: string) => {
      const section = SECTIONS[name];
      if (!section)
        throw new Error(`${file} has a marker "generated:${name}"; known are ${Object.keys(SECTIONS).join(", ")}.`);
      return `${start}\n\n${section(source).trim()}\n\n${end}`;
    },
  );
  return [{ file, content }];
}
