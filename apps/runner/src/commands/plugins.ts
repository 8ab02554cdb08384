import type { Connector, Finding } from "@hansard/core";
import { jsonSchemaOf } from "../config/plugin-settings.ts";
import type { Installation, OpenSource } from "../installation.ts";
import { print, shown, table } from "../output.ts";
import { checkState, findingOf } from "./state.ts";

/** The connectors that the configuration names, with what each captures. */
export async function connectors(installation: Installation, { json }: { json?: boolean }): Promise<number> {
  const sources = await Promise.all(installation.sourceIds().map((id) => installation.source(id)));
  const described = sources.map(({ id, connector, version }) => ({
    source: id,
    connector: connector.id,
    title: connector.title,
    version,
    contractVersion: connector.contractVersion,
    messageClasses: Object.keys(connector.events).map((type) => `IPM.NOTE.${connector.source}.${type}`),
    captures: connector.captures,
    settings: jsonSchemaOf(connector.settings),
  }));
  print(json, { connectors: described }, () =>
    described
      .map(({ source, title, version, captures }) => `${source}: ${title} ${version}\n${table(capturesRows(captures))}`)
      .join("\n\n"),
  );
  return 0;
}

function capturesRows({ never = [], ...captures }: Connector["captures"]): string[][] {
  return [
    ...Object.entries(captures).map(([what, how]) => [`  ${what}`, how]),
    ...never.map((sentence) => ["  never", sentence]),
  ];
}

/** Looks at everything before the first run: the configuration, the people map, each source and each destination. */
export async function check(
  installation: Installation,
  { json }: { json?: boolean },
  signal: AbortSignal,
): Promise<number> {
  const findings: (Finding & { of: string })[] = [
    { of: "configuration", level: "ok", message: `${installation.config.file} is in order.` },
  ];
  findings.push({
    of: "people",
    level: "ok",
    message: `The people map is in order (${(await installation.people()).digest.slice(0, 12)}).`,
  });
  for (const id of installation.sourceIds()) {
    const source = await installation.source(id);
    await installation.journal.openSource({ id, connector: source.connector.id, version: source.version });
    findings.push(...(await checkSource(installation, source, signal)).map((finding) => ({ of: id, ...finding })));
  }
  findings.push(...checkState(installation).map((finding) => ({ of: "state", ...finding })));
  for (const id of Object.keys(installation.config.destinations)) {
    const { destination } = await installation.destination(id);
    findings.push(...(await destination.check()).map((finding) => ({ of: id, ...finding })));
  }
  print(json, { findings }, () =>
    findings
      .map(
        ({ of, level, message, remedy }) =>
          `${level.padEnd(7)} ${of}: ${shown(message)}${remedy ? ` ${shown(remedy)}` : ""}`,
      )
      .join("\n"),
  );
  return findings.some(({ level }) => level === "error") ? 1 : 0;
}

/** What stops the check of one source is a finding of it, so that the others are looked at all the same. */
async function checkSource(installation: Installation, source: OpenSource, signal: AbortSignal): Promise<Finding[]> {
  try {
    const findings = await source.connector.check?.(installation.sourceContext(source, signal));
    return findings ?? [{ level: "ok", message: "The settings are in order." }];
  } catch (error) {
    return [findingOf(error)];
  }
}
