import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const TEMPLATES = join(import.meta.dirname, ".");
const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Writes the files of a new connector into the repository at `root`. Gives their paths. */
export function scaffold(root: string, { id, owner }: { id: string; owner: string }): string[] {
  if (!ID.test(id))
    throw new Error(`Give the connector an id of lower-case letters, digits and hyphens: npm run new acme-chat`);
  const folder = join("connectors", id);
  if (existsSync(join(root, folder)))
    throw new Error(`${folder} exists already. Choose another id, or delete the folder.`);
  const words = id.split("-").map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  const names = {
    id,
    Title: words.join(" "),
    Source: words.join(""),
    TOKEN: `${id.toUpperCase().replaceAll("-", "_")}_TOKEN`,
  };
  const files = globSync("**/*.template", { cwd: TEMPLATES })
    .sort()
    .map((template) => {
      const path = template.replace(/\.template$/, "");
      const target = path === "changeset.md" ? join(".changeset", `new-connector-${id}.md`) : join(folder, path);
      write(join(root, target), filled(readFileSync(join(TEMPLATES, template), "utf8"), names));
      return target;
    });
  return [...files, addOwner(root, folder, owner)];
}

function filled(text: string, names: Record<string, string>): string {
  return text.replaceAll(/__(\w+?)__/g, (whole, name: string) => names[name] ?? whole);
}

/** The owner is asked to review each change of the connector. Lines stand in the order of their folders. */
function addOwner(root: string, folder: string, owner: string): string {
  const path = join(".github", "CODEOWNERS");
  const present = existsSync(join(root, path))
    ? readFileSync(join(root, path), "utf8").trimEnd().split("\n")
    : ["* @hansard/maintainers"];
  const isConnector = (line: string) => line.startsWith("/connectors/");
  const owned = [...present.filter(isConnector), `/${folder}/ ${owner}`].sort();
  write(join(root, path), `${[...present.filter((line) => !isConnector(line)), ...owned].join("\n")}\n`);
  return path;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
