import { CONTRACT_VERSION } from "@hansard/core";
import { secretValues, settingNodes, settingsJsonSchema } from "../settings-schema.ts";
import { openCopy } from "../source-copy.ts";
import { type Case, listed, must, type Suite } from "../suite.ts";

export function definitionCases(suite: Suite): Case[] {
  return [
    {
      id: "definition",
      name: "the definition is of this contract version and says what it captures in sentences",
      run: () => saysWhatItCaptures(suite),
    },
    {
      id: "settings-schema",
      name: "the settings have a JSON Schema with a description of each setting",
      run: () => describesItsSettings(suite),
    },
    {
      id: "check",
      name: "check finds nothing wrong with a source that is well, and gives a remedy with all that is",
      run: () => checks(suite),
    },
  ];
}

function saysWhatItCaptures({ connector: { contractVersion, title, captures, events } }: Suite): void {
  must(
    contractVersion === CONTRACT_VERSION,
    `The connector speaks version ${contractVersion} of the contract, and this suite version ${CONTRACT_VERSION}. Install the matching @hansard/testkit.`,
  );
  must(typeof events["Other"] === "function", 'The events lack "Other".');
  must(title.trim() !== "", "The title is empty.");
  const sentences = [captures.history, ...(captures.never ?? [])];
  const short = sentences.filter((sentence) => sentence.trim().split(/\s+/).length < 3);
  must(
    short.length === 0,
    () => `captures.history and captures.never must be sentences, and these are not: ${listed(short)}.`,
  );
}

function describesItsSettings({ connector }: Suite): void {
  const schema = settingsJsonSchema(connector);
  must(
    schema !== undefined,
    "The settings' schema gives no JSON Schema. Use a library that implements the Standard JSON Schema interface, such as zod 4.2 or newer.",
  );
  const bare = settingNodes(schema)
    .filter(({ described }) => !described)
    .map(({ path }) => path);
  must(
    bare.length === 0,
    () =>
      `These settings have no description of at least ten characters: ${listed(new Set(bare))}. In zod: z.string().describe("…").`,
  );
}

async function checks({ connector, source }: Suite): Promise<void> {
  await using copy = await openCopy(connector, source);
  const schema = settingsJsonSchema(connector);
  const usesSecrets = settingNodes(schema).some(({ secret }) => secret) && copy.server !== undefined;
  must(
    !usesSecrets || secretValues(schema, copy.configured).some((value) => value.length >= 8),
    "Give the suite's source settings with a secret of at least eight characters, so that it can be looked for.",
  );
  if (!connector.check) return;
  const stop = new AbortController();
  const http = copy.http(stop.signal, { debug() {}, info() {}, warn() {}, error() {} });
  const state = new Map<string, string>();
  const context = {
    settings: copy.settings as never,
    http,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: stop.signal,
    startedAt: copy.now(),
    state: {
      get: async (name: string) => state.get(name),
      put: async (name: string, value: string) => void state.set(name, value),
    },
  };
  const findings = await connector.check(context).finally(() => http.close());
  must(findings.length > 0, "check found nothing to say. Give at least one finding that says what was looked at.");
  const wrong = findings.filter(({ level }) => level === "error");
  must(
    wrong.length === 0,
    () => `check finds errors in the source that the suite is given: ${listed(wrong.map(({ message }) => message))}.`,
  );
  const bare = findings.filter(({ level, remedy }) => level !== "ok" && !remedy);
  must(
    bare.length === 0,
    () => `These findings are not ok and give no remedy: ${listed(bare.map(({ message }) => message))}.`,
  );
}
