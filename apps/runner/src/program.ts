import { Command, InvalidArgumentError, Option } from "commander";

type Action = typeof import("./perform.ts").perform;

/** The command line. Nothing but its own grammar is loaded until a command is to be carried out. */
export function program(version: string): Command {
  const hansard = new Command("hansard")
    .description(
      "Archives what people say in third-party systems as email messages, and lets anyone check that nothing is missing.",
    )
    .version(version)
    .option("-c, --config <file>", "the configuration (default: hansard.yaml, then hansard-data/hansard.yaml)")
    .option("-v, --verbose", "log what happens, to the error output")
    .showHelpAfterError()
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 1 done, and something needs attention; 2 wrong usage or configuration; 70 failed and ended, run it again after mending.",
    );

  const json = new Option("--json", "print JSON for scripts");
  const source = new Option("-s, --source <id>", "only this source");
  const act =
    (name: string) =>
    async (...received: unknown[]) =>
      carryOut(hansard, name, received);

  hansard
    .command("init")
    .description("write a commented hansard.yaml; asks for what it is not given")
    .option("--domain <domain>", "the mail domain of your mailboxes, such as contoso.com")
    .option("--export <path>", "the Slack export, a zip or a folder")
    .option("--third-party-mailbox <address>", "who gets what nobody claims")
    .option("--yes", "ask nothing")
    .option("--force", "overwrite")
    .action(act("init"));
  hansard
    .command("check")
    .description("look at sources, destinations and permissions before the first run")
    .addOption(json)
    .action(act("check"));
  hansard
    .command("run")
    .description("read every source once and deliver what is new")
    .addOption(source)
    .addOption(json)
    .action(act("run"));
  hansard.command("status").description("what each source has done so far").addOption(json).action(act("status"));
  hansard
    .command("reconcile")
    .description("the books: claimed, captured, delivered, and what is in neither column")
    .option(
      "--ask-sources",
      "also ask each source for the ids of all that it has, and name those that the journal lacks",
    )
    .addOption(json)
    .action(act("reconcile"));
  hansard
    .command("gaps")
    .description("known holes and how to close them")
    .addOption(source)
    .addOption(json)
    .action(act("gaps"));

  const quarantine = hansard.command("quarantine").description("events that could not be mapped or delivered");
  quarantine.command("list").addOption(source).addOption(json).action(act("quarantine list"));
  quarantine
    .command("show")
    .argument("<id>", "the entry's number", wholeNumber)
    .addOption(json)
    .action(act("quarantine show"));
  quarantine
    .command("retry")
    .argument("[id...]", "entries' numbers; all without", wholeNumbers)
    .addOption(source)
    .addOption(json)
    .action(act("quarantine retry"));

  hansard
    .command("people")
    .description("the map of people to mailboxes")
    .command("unmapped")
    .description("people whom nobody claims")
    .addOption(json)
    .action(act("people unmapped"));
  hansard
    .command("reroute")
    .description("deliver messages to owners that the people map has gained")
    .addOption(source)
    .addOption(json)
    .action(act("reroute"));
  hansard
    .command("replay")
    .description("map recorded events again and say which messages would differ")
    .addOption(source)
    .addOption(json)
    .option("--deliver", "deliver what differs as corrected messages")
    .action(act("replay"));
  hansard
    .command("verify")
    .description("recompute every hash, of the journal or of an export")
    .argument("[folder]", "an export, checked offline")
    .option("--head <hash>", "the journal's head as anchored elsewhere")
    .addOption(json)
    .action(act("verify"));
  hansard
    .command("search")
    .description("search the archive")
    .argument(
      "<query...>",
      'words, "phrases", from:, to:, subject:, kind:externaldata, itemclass:ipm.externaldata.slack*, sent>=2026-01-01',
    )
    .option("-n, --limit <number>", "at most this many, the newest first", wholeNumber, 20)
    .addOption(json)
    .action(act("search"));
  hansard
    .command("show")
    .description("one message, with where it went and why")
    .argument("<message-id>")
    .option("--mail", "the mail itself")
    .addOption(json)
    .action(act("show"));
  hansard
    .command("export")
    .description("write messages as EML with a manifest that can be verified offline")
    .argument("<folder>")
    .option("-q, --query <query>", "only what this finds")
    .addOption(json)
    .action(act("export"));
  hansard
    .command("state")
    .description("what sources remember, such as refresh tokens; check says how it is protected")
    .command("forget")
    .description("forget what no key opens, so that the source starts from its settings again")
    .argument("<source>")
    .addOption(json)
    .action(act("state forget"));
  hansard
    .command("connectors")
    .description("the configured connectors and what each captures")
    .addOption(json)
    .action(act("connectors"));
  hansard.command("schema").description("the JSON Schema of hansard.yaml").action(act("schema"));
  hansard
    .command("serve-ingestion")
    .description("run a local server that takes mail by Graph and EWS, to try and test destinations without Microsoft")
    .option("--folder <folder>", "where its mailboxes are kept (default: hansard-ingestion)")
    .option("--port <number>", "the port on the loopback address", wholeNumber)
    .option("--settings <file>", "its mailboxes, applications and faults, as JSON")
    .action(act("serve-ingestion"));
  return hansard;
}

async function carryOut(hansard: Command, name: string, received: unknown[]): Promise<void> {
  const perform: Action = (await import("./perform.ts")).perform;
  process.exitCode = await perform(name, received.slice(0, -2), { ...hansard.opts(), ...(received.at(-2) as object) });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function wholeNumbers(text: string, earlier: number[] = []): number[] {
  return [...earlier, wholeNumber(text)];
}
