import { inspect } from "node:util";
import type { Logger } from "@hansard/core";
import type { CaptureResult } from "@hansard/core/ingestion";
import type { Fault } from "../fault-server.ts";
import { openInstallation, readInto } from "../installation.ts";
import { recording, type RecordedPage } from "../reference.ts";
import { secretValues, settingsJsonSchema } from "../settings-schema.ts";
import { openCopy } from "../source-copy.ts";
import { type Case, must, type Suite } from "../suite.ts";

export function secretCases(suite: Suite): Case[] {
  return [
    {
      id: "secrets",
      name: "no secret of the settings shows in errors, logs, pages, checkpoints or the settings themselves",
      run: () => showsNoSecret(suite),
    },
    {
      id: "secrets-settings",
      name: "settings that are wrong are refused without showing a secret",
      run: () => refusesQuietly(suite),
    },
  ];
}

const SHORTEST_SECRET = 8;

async function secretsOf({ connector, source }: Suite): Promise<string[]> {
  await using copy = await openCopy(connector, source);
  const values = [...secretValues(settingsJsonSchema(connector), copy.configured), ...(source.secrets ?? [])];
  return values.filter((value) => value.length >= SHORTEST_SECRET);
}

async function showsNoSecret(suite: Suite): Promise<void> {
  const secrets = await secretsOf(suite);
  if (secrets.length === 0) return;
  const faults: (Fault | undefined)[] = [
    undefined,
    { kind: "echo", status: 401 },
    { kind: "echo", status: 400 },
    { kind: "echo", status: 500 },
    { kind: "echo", status: 200 },
    { kind: "cut" },
    { kind: "page" },
  ];
  for (const fault of faults) {
    const shown = await everythingShown(suite, fault);
    for (const [place, text] of shown) {
      const secret = secrets.find((value) => spellings(value).some((spelling) => text.includes(spelling)));
      must(
        secret === undefined,
        () =>
          `A secret of the settings shows in ${place}${fault ? ` when the source fails (${inspect(fault)})` : ""}. Keep secrets as Secret, and reveal them only into the request.`,
      );
    }
  }
}

/** Also as it stands in a URL, in JSON and in Basic authentication. */
function spellings(secret: string): string[] {
  return [
    ...new Set([
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    ]),
  ];
}

async function everythingShown(
  { connector, source }: Suite,
  fault: Fault | undefined,
): Promise<[place: string, text: string][]> {
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  if (copy.server) copy.server.fault = fault && (() => fault);
  const logged: string[] = [];
  const pages: RecordedPage[] = [];
  const journal = installation.openJournal();
  try {
    const result = await readInto(journal, recording(connector, pages), copy, { log: noting(logged) });
    return [
      ["the logs", logged.join("\n")],
      ["an error", errorText(result)],
      ["a page or checkpoint", pages.map(({ given }) => given).join("\n")],
      [
        "the parsed settings when they are printed",
        `${inspect(copy.settings, { depth: 10, showHidden: true })}\n${JSON.stringify(copy.settings)}`,
      ],
    ];
  } finally {
    await journal.close();
  }
}

/** What a log or a crash report would hold: message, remedy, stack and causes. */
function errorText({ stopped }: CaptureResult): string {
  return stopped
    .map(
      ({ error }) =>
        `${inspect(error, { depth: 8, showHidden: true })}\n${JSON.stringify(error, Object.getOwnPropertyNames(error))}`,
    )
    .join("\n");
}

function noting(lines: string[]): Logger {
  const note = (message: string, details: Record<string, unknown> = {}) =>
    void lines.push(`${message} ${inspect(details, { depth: 8 })} ${JSON.stringify(details)}`);
  return { debug: note, info: note, warn: note, error: note };
}

async function refusesQuietly(suite: Suite): Promise<void> {
  const { connector, source } = suite;
  const secrets = await secretsOf(suite);
  await using copy = await openCopy(connector, source);
  for (const name of Object.keys(copy.configured)) {
    for (const wrong of [undefined, { not: "a setting" }, 7]) {
      const parsed = await connector.settings["~standard"].validate({
        ...structuredClone(copy.configured),
        [name]: wrong,
      });
      const said = inspect(parsed.issues ?? [], { depth: 6 });
      must(
        !secrets.some((secret) => said.includes(secret)),
        `With a wrong "${name}", the settings' schema shows a secret in what it says.`,
      );
    }
  }
}
