import { existsSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { SettingsError } from "@hansard/core";
import { commandName } from "../output.ts";

interface InitOptions {
  config?: string;
  domain?: string;
  export?: string;
  thirdPartyMailbox?: string;
  yes?: boolean;
  force?: boolean;
}

/** Asks little and writes a configuration that says what each line is for. */
export async function init(options: InitOptions): Promise<number> {
  const file = options.config ?? "hansard.yaml";
  if (existsSync(file) && !options.force)
    throw new SettingsError(`${file} is there already.`, { remedy: "Edit it, or use --force to overwrite it." });
  const ask = await asker(options.yes === true);
  const domain = options.domain ?? (await ask("The mail domain of your mailboxes", "example.com"));
  const exportPath = options.export ?? (await ask("The Slack export, a zip or a folder", "./slack-export.zip"));
  const thirdParty =
    options.thirdPartyMailbox ?? (await ask("The mailbox for what nobody claims", `third-party-data@${domain}`));
  writeFileSync(file, template(domain, exportPath, thirdParty));
  process.stdout.write(`Wrote ${file}. Next: ${commandName()} check, then ${commandName()} run\n`);
  return 0;
}

async function asker(silent: boolean): Promise<(question: string, proposal: string) => Promise<string>> {
  if (silent || !process.stdin.isTTY) return async (_, proposal) => proposal;
  return async (question, proposal) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await terminal.question(`${question} [${proposal}]: `);
    terminal.close();
    return answer.trim() || proposal;
  };
}

function template(domain: string, exportPath: string, thirdParty: string): string {
  return `# yaml-language-server: $schema=./node_modules/@hansard/runner/hansard.schema.json
# Hansard's configuration. Paths are relative to this file. Secrets are references: \${env:NAME} or \${file:./path}.

# The journal and the embedded archive live here. Back this folder up.
data: ./hansard-data

# What sources must remember, such as refresh tokens, is sealed. Its key is made in .hansard beside this file, unless one is given:
# stateKey: \${file:/run/secrets/hansard-state-key}

sources:
  # The key names the source in the books; it must not change once it has run.
  slack:
    connector: slack # the package @hansard/connector-slack
    settings:
      export: ${JSON.stringify(exportPath)}
    # One message for each event, or one transcript for each conversation and day.
    grouping: event

destinations:
  archive: # the package @hansard/archive
    # The Inbox of this mailbox gets every message of which no participant is mapped.
    thirdPartyMailbox: ${JSON.stringify(thirdParty)}
    # Mapped people's copies go to Recoverable Items/Purges.
    folder: purges

people:
  # Addresses of these domains are mailboxes as they are.
  domains: [${JSON.stringify(domain)}]
  # Whoever has no such address can be mapped here: a CSV with the columns id and mailbox.
  files: []
  # aliases:
  #   - { from: "*@old.${domain}", to: "*@${domain}" }
`;
}
