import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Connector, type Logger, Secret, SettingsError, type SourceContext } from "@hansard/core";
import {
  createHttpClient,
  loadPeopleMap,
  type OpenHttpClient,
  type PeopleMap,
  type Preparation,
  type SourceBooks,
  sourceState,
} from "@hansard/core/ingestion";
import { type LocalJournal, openJournal, type StateKeys } from "@hansard/journal";
import { type LoadedConfiguration, loadConfig } from "./config/load-config.ts";
import { pluginSettings, secretText } from "./config/plugin-settings.ts";
import type { SourceConfiguration } from "./config/schema.ts";
import { loadConnector } from "./load-plugin.ts";
import { lockDataFolder } from "./lock.ts";
import { openLog } from "./log.ts";
import { type OpenDestination, openDestination, type UnprovenHold } from "./open-destination.ts";

export interface OpenSource {
  id: string;
  configuration: SourceConfiguration;
  connector: Connector;
  version: string;
  settings: unknown;
}

/** Everything that the configuration names, opened as it is asked for and closed together. */
export class Installation {
  readonly config: LoadedConfiguration;
  readonly log: Logger;
  readonly #closers: (() => unknown)[] = [];
  #journal: LocalJournal | undefined;
  #isLocked = false;
  readonly #people = new Map<string, Promise<PeopleMap>>();
  readonly #sources = new Map<string, Promise<OpenSource>>();
  readonly #destinations = new Map<string, Promise<OpenDestination>>();

  constructor(options: { config?: string; verbose?: boolean }) {
    this.config = loadConfig(options.config);
    this.log = openLog(options.verbose ? "debug" : (process.env["HANSARD_LOG"] ?? "warn"));
  }

  /** Holds the data folder for writing until the installation is closed. */
  lock(): void {
    const lock = lockDataFolder(this.config.dataFolder);
    this.#closers.unshift(() => lock.release());
    this.#isLocked = true;
  }

  get journal(): LocalJournal {
    if (!this.#journal) {
      const journal = openJournal(join(this.config.dataFolder, "journal"), {
        stateKeys: stateKeys(this.config),
        alone: (work) => this.#alone(work),
      });
      this.#closers.unshift(() => journal.close());
      this.#journal = journal;
    }
    return this.#journal;
  }

  /** The people map; for a destination with a directory of its own, with that as the last resort. */
  people(destination?: OpenDestination): Promise<PeopleMap> {
    const { people, folder } = this.config;
    const resolve = destination?.destination.resolve?.bind(destination.destination);
    return remembered(this.#people, resolve ? (destination?.id ?? "") : "", () =>
      loadPeopleMap({
        ...people,
        files: people.files.map((path) => ({ path, text: readPeopleFile(folder, path) })),
        ...(resolve && { directory: resolve }),
      }),
    );
  }

  source(id: string): Promise<OpenSource> {
    return remembered(this.#sources, id, () => this.#openSource(id));
  }

  destination(id: string): Promise<OpenDestination> {
    return remembered(this.#destinations, id, () => this.#openDestination(id));
  }

  /** The ids of the sources that a command was asked for; all without one. */
  sourceIds(wanted?: string): string[] {
    return chosen(Object.keys(this.config.sources), wanted, "source");
  }

  destinationIds(source: string): string[] {
    return this.config.sources[source]?.destinations ?? Object.keys(this.config.destinations);
  }

  /** The books of every source, which are closed when all that was captured is at each destination of the configuration. */
  books(): Promise<SourceBooks[]> {
    const ids = Object.keys(this.config.sources);
    return this.journal.books(Object.fromEntries(ids.map((id) => [id, this.destinationIds(id)])));
  }

  /** What makes and routes the messages of a source for a destination. */
  async preparation(source: OpenSource, open: OpenDestination): Promise<Preparation> {
    const { configuration, destination, policy } = open;
    const { messageBytes, messageAttachments } = destination.limits;
    return {
      source: source.id,
      connector: source.connector,
      connectorVersion: source.version,
      people: (await this.people(open)).forSource(source.id),
      policy,
      installation: this.journal.installation,
      blobs: this.journal.blobs,
      messageBytes,
      ...(messageAttachments !== undefined && { messageAttachments }),
      classPrefix: configuration.classPrefix,
      attachSource: source.configuration.attachSource,
    };
  }

  /** The mailboxes that this run met and for which no hold is proven, by what their destinations know now. */
  async unprovenHolds(): Promise<UnprovenHold[]> {
    const opened = await Promise.all(this.#destinations.values());
    return opened.flatMap((open) => open.unprovenHolds());
  }

  /** What a connector's functions get, apart from those that read. */
  sourceContext(source: OpenSource, signal: AbortSignal): SourceContext<never> {
    return {
      settings: source.settings as never,
      http: this.http(source, signal),
      log: this.log,
      signal,
      startedAt: new Date(),
      state: sourceState(this.journal, source.id),
    };
  }

  /** Requests of a source: only to the hosts that its connector declares, privately only to those that the configuration itself names. */
  http({ id, connector, version, settings, configuration }: OpenSource, signal: AbortSignal): OpenHttpClient {
    const hosts = connector.hosts?.(settings as never) ?? [];
    const named = JSON.stringify(configuration.settings).toLowerCase();
    const allowPrivate = hosts.filter((host) => named.includes(host.toLowerCase()));
    const client = createHttpClient({
      hosts,
      allowPrivate,
      signal,
      log: this.log,
      userAgent: `Hansard/${version} (${id})`,
      secrets: secretsIn(settings),
    });
    this.#closers.unshift(() => client.close());
    return client;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }

  /** A reading command holds the data folder only while it brings the journal up. */
  #alone(work: () => void): void {
    if (this.#isLocked) return work();
    const remedy =
      "It is of an earlier version, and its journal must be brought up before this version can read it. Wait until it has ended, or stop it, then try again.";
    const lock = lockDataFolder(this.config.dataFolder, remedy);
    try {
      work();
    } finally {
      lock.release();
    }
  }

  async #openSource(id: string): Promise<OpenSource> {
    const configuration = this.config.sources[id];
    if (!configuration)
      throw new SettingsError(`The configuration has no source "${id}".`, {
        remedy: `Name one of: ${Object.keys(this.config.sources).join(", ")}.`,
      });
    const { folder } = this.config;
    const { plugin: connector, version } = await loadConnector(configuration.connector ?? id, folder);
    const settings = await pluginSettings(
      connector.settings,
      configuration.settings,
      `sources.${id}.settings`,
      this.config,
    );
    return { id, configuration, connector, version, settings };
  }

  async #openDestination(id: string): Promise<OpenDestination> {
    const open = await openDestination(id, this.config, { blobs: this.journal.blobs, log: this.log });
    this.#closers.unshift(() => open.destination.close());
    return open;
  }
}

/** The generated key lies with the configuration, since the data folder is what is copied. */
function stateKeys(config: LoadedConfiguration): StateKeys {
  const { stateKey, folder } = config;
  const file = join(folder, ".hansard", "state.key");
  return stateKey === undefined
    ? { file }
    : { file, given: () => new Secret(secretText(stateKey, "stateKey", config)) };
}

function secretsIn(settings: unknown): Secret[] {
  if (settings instanceof Secret) return [settings];
  if (typeof settings !== "object" || settings === null) return [];
  return Object.values(settings).flatMap(secretsIn);
}

function readPeopleFile(folder: string, path: string): string {
  try {
    return readFileSync(resolve(folder, path), "utf8");
  } catch (error) {
    throw new SettingsError(`people.files names ${path}, which cannot be read.`, {
      remedy: "Give the path relative to the configuration.",
      cause: error,
    });
  }
}

function chosen(known: string[], wanted: string | undefined, kind: string): string[] {
  if (wanted === undefined) return known;
  if (known.includes(wanted)) return [wanted];
  throw new SettingsError(`The configuration has no ${kind} "${wanted}".`, {
    remedy: `Name one of: ${known.join(", ")}.`,
  });
}

function remembered<Value>(known: Map<string, Promise<Value>>, id: string, open: () => Promise<Value>): Promise<Value> {
  let value = known.get(id);
  if (!value) {
    value = open();
    known.set(id, value);
  }
  return value;
}
