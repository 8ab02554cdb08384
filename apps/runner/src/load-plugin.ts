import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CONTRACT_VERSION, type Connector, SettingsError } from "@hansard/core";
import { DESTINATION_VERSION, type DestinationPlugin } from "@hansard/core/ingestion";

/** Where a plugin comes from. */
export interface Loaded<Plugin> {
  plugin: Plugin;
  packageName: string;
  version: string;
}

/** Loads the connector that a source names, from the packages installed beside the configuration. */
export async function loadConnector(name: string, folder: string): Promise<Loaded<Connector>> {
  const candidates = isBare(name) ? [`@hansard/connector-${name}`, `hansard-connector-${name}`, name] : [name];
  const { module, packageName, version } = await load(candidates, folder, "connector", name);
  const connector = module["connector"];
  if (!isObject(connector) || typeof connector["contractVersion"] !== "number") {
    throw new SettingsError(`The package ${packageName} does not export a "connector" made with defineConnector.`, {
      remedy: "Name a connector package; see docs/writing-a-connector.md.",
    });
  }
  checkVersion(packageName, version, connector["contractVersion"], CONTRACT_VERSION);
  return { plugin: connector as unknown as Connector, packageName, version };
}

/** Loads the destination that the configuration names, likewise. */
export async function loadDestination(name: string, folder: string): Promise<Loaded<DestinationPlugin>> {
  const candidates = isBare(name)
    ? [`@hansard/${name}`, `@hansard/destination-${name}`, `hansard-destination-${name}`, name]
    : [name];
  const { module, packageName, version } = await load(candidates, folder, "destination", name);
  const destination = module["destination"];
  if (!isObject(destination) || typeof destination["destinationVersion"] !== "number") {
    throw new SettingsError(`The package ${packageName} does not export a "destination".`, {
      remedy: "Name a destination package.",
    });
  }
  checkVersion(packageName, version, destination["destinationVersion"], DESTINATION_VERSION);
  return { plugin: destination as unknown as DestinationPlugin, packageName, version };
}

/** What `@hansard/ingestion-server` offers. */
export interface IngestionServerPackage {
  serve(options: {
    folder: string;
    port?: number;
    configurationFile?: string;
    onChange?: (sentence: string) => void;
  }): Promise<{ url: string; configurationFile: string; close(): Promise<void> }>;
}

/** Loads the local ingestion server, where it is installed. */
export async function loadIngestionServer(folder: string): Promise<IngestionServerPackage> {
  const { module } = await load(["@hansard/ingestion-server"], folder, "package", "ingestion-server");
  return module as unknown as IngestionServerPackage;
}

async function load(
  candidates: string[],
  folder: string,
  kind: string,
  name: string,
): Promise<{ module: Record<string, unknown>; packageName: string; version: string }> {
  const require = createRequire(join(folder, "package.json"));
  for (const candidate of candidates) {
    const file = locate(candidate, folder, require);
    if (!file) continue;
    const { name: packageName = candidate, version = "0.0.0" } = manifestOf(file);
    try {
      return { module: await import(pathToFileURL(file).href), packageName, version };
    } catch (error) {
      throw new SettingsError(
        `The package ${packageName} ${version} is installed and cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
        {
          remedy: `Install it anew: npm install ${packageName}@latest`,
          cause: error,
        },
      );
    }
  }
  const likely =
    name === "archive" ? undefined : candidates.find((candidate) => candidate.startsWith(`@hansard/${kind}-`));
  throw new SettingsError(
    `The ${kind} "${name}" is not installed: looked for ${candidates.join(", ")} from ${folder}.`,
    {
      remedy: `Correct the name, or install it beside the configuration: npm install ${likely ?? candidates[0]}`,
    },
  );
}

function locate(candidate: string, folder: string, require: NodeJS.Require): string | undefined {
  if (candidate.startsWith(".") || isAbsolute(candidate)) {
    const file = resolve(folder, candidate);
    return existsSync(file) ? file : undefined;
  }
  try {
    return require.resolve(candidate);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";
    if (missing) return undefined;
    throw new SettingsError(
      `The package ${candidate} is installed and cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      {
        remedy: `Install it anew: npm install ${candidate}@latest`,
      },
    );
  }
}

function checkVersion(packageName: string, version: string, speaks: number, known: number): void {
  if (speaks === known) return;
  const older = speaks < known;
  throw new SettingsError(
    `${packageName} ${version} speaks version ${speaks} of the contract; this runner speaks version ${known}.`,
    {
      remedy: older
        ? `Update it: npm install ${packageName}@latest`
        : "Update the runner: npm install @hansard/runner@latest",
    },
  );
}

function manifestOf(file: string): { name?: string; version?: string } {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (!existsSync(manifest)) continue;
    const { name, version } = JSON.parse(readFileSync(manifest, "utf8"));
    if (typeof name === "string" && typeof version === "string") return { name, version };
  }
  return {};
}

function isBare(name: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
