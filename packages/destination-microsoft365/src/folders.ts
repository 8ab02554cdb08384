import type { Folder } from "@hansard/core/ingestion";
import { z } from "zod";
import { GraphFailure } from "./failure.ts";
import type { GraphClient } from "./graph-client.ts";
import { pagesOf } from "./pages.ts";
import type { Settings } from "./settings.ts";

const FolderPage = z.object({
  value: z.array(z.object({ id: z.string(), displayName: z.string(), totalItemCount: z.number().default(0) })),
});
const FolderItem = z.object({
  id: z.string(),
  displayName: z.string().default(""),
  totalItemCount: z.number().default(0),
});
type FolderItem = z.infer<typeof FolderItem>;

const ROLLED = /^Hansard \d{4}-\d{2}-\d{2}(?: \(\d+\))?$/;

/** The inbox that rolls over: its folder of the moment, how full it is, and all of its folders. */
interface Rolling {
  current: string;
  items: number;
  all: string[];
}

/** Folders by mailbox. What was found or made is remembered until somebody removes it. */
export class Folders {
  readonly #client: GraphClient;
  readonly #settings: Settings;
  readonly #thirdPartyMailbox: string | undefined;
  readonly #known = new Map<string, Promise<string>>();
  readonly #rolling = new Map<string, Promise<Rolling>>();

  constructor(client: GraphClient, settings: Settings, thirdPartyMailbox?: string) {
    this.#client = client;
    this.#settings = settings;
    this.#thirdPartyMailbox = thirdPartyMailbox;
  }

  /** The id or well-known name of where a message is written. */
  async target(mailbox: string, folder: Folder, signal: AbortSignal): Promise<string> {
    if (folder.kind === "purges") return this.staging(mailbox, signal);
    if (folder.kind === "visible") return this.#path(mailbox, folder.path, false, signal);
    if (mailbox !== this.#thirdPartyMailbox) return "inbox";
    const rolling = await this.#roll(mailbox, signal);
    rolling.items += 1;
    return rolling.current;
  }

  /** Everywhere that a message of this folder may lie. */
  async places(mailbox: string, folder: Folder, signal: AbortSignal): Promise<string[]> {
    if (folder.kind === "purges") return ["recoverableitemspurges"];
    if (folder.kind === "visible") return [await this.#path(mailbox, folder.path, false, signal)];
    return mailbox === this.#thirdPartyMailbox ? (await this.#roll(mailbox, signal)).all : ["inbox"];
  }

  staging(mailbox: string, signal: AbortSignal): Promise<string> {
    return this.#path(mailbox, [this.#settings.stagingFolder], true, signal);
  }

  /** Does what needs folders, and does it once again where one was removed since it was found: it is found or made anew. */
  async again<Result>(mailbox: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GraphFailure) || error.failure.kind !== "gone") throw error;
      this.#forget(mailbox);
      return work();
    }
  }

  #forget(mailbox: string): void {
    for (const key of this.#known.keys()) if (key.startsWith(`${mailbox}\n`)) this.#known.delete(key);
    this.#rolling.delete(mailbox);
  }

  /** The folder takes no more: the next one begins now. */
  async full(mailbox: string, signal: AbortSignal): Promise<boolean> {
    if (mailbox !== this.#thirdPartyMailbox) return false;
    const rolling = await this.#roll(mailbox, signal);
    rolling.items = Number.POSITIVE_INFINITY;
    return true;
  }

  async #roll(mailbox: string, signal: AbortSignal): Promise<Rolling> {
    const before = await this.#remembered(this.#rolling, mailbox, () => this.#findRolling(mailbox, signal));
    if (before.items < this.#settings.folderItems) return before;
    const next = this.#beginNext(mailbox, before, signal);
    this.#rolling.set(mailbox, next);
    next.catch(() => this.#rolling.delete(mailbox));
    return next;
  }

  async #findRolling(mailbox: string, signal: AbortSignal): Promise<Rolling> {
    const inbox = await this.#get(mailbox, "/mailFolders/inbox?$select=id,displayName,totalItemCount", signal);
    const rolled = (await this.#children(mailbox, "/mailFolders/inbox/childFolders", signal)).filter(
      ({ displayName }) => ROLLED.test(displayName),
    );
    rolled.sort((left, right) => (left.displayName < right.displayName ? -1 : 1));
    const last = rolled.at(-1);
    const all = ["inbox", ...rolled.map(({ id }) => id)];
    return last === undefined
      ? { current: "inbox", items: inbox.totalItemCount, all }
      : { current: last.id, items: last.totalItemCount, all };
  }

  async #beginNext(mailbox: string, { all }: Rolling, signal: AbortSignal): Promise<Rolling> {
    const day = `Hansard ${new Date().toISOString().slice(0, 10)}`;
    const taken = (await this.#children(mailbox, "/mailFolders/inbox/childFolders", signal)).map(
      ({ displayName }) => displayName,
    );
    let name = day;
    for (let number = 2; taken.includes(name); number += 1) name = `${day} (${number})`;
    const id = await this.#make(mailbox, "/mailFolders/inbox/childFolders", name, false, signal);
    return { current: id, items: 0, all: [...all, id] };
  }

  async #path(mailbox: string, path: string[], isHidden: boolean, signal: AbortSignal): Promise<string> {
    let parent = "";
    for (let depth = 1; depth <= path.length; depth += 1) {
      const key = [mailbox, isHidden ? "hidden" : "visible", ...path.slice(0, depth)].join("\n");
      const under = parent;
      parent = await this.#remembered(this.#known, key, () =>
        this.#findOrMake(mailbox, under, path[depth - 1] ?? "", isHidden, signal),
      );
    }
    return parent;
  }

  async #findOrMake(
    mailbox: string,
    parent: string,
    name: string,
    isHidden: boolean,
    signal: AbortSignal,
  ): Promise<string> {
    const collection = parent === "" ? "/mailFolders" : `/mailFolders/${parent}/childFolders`;
    const found = (await this.#children(mailbox, collection, signal)).find(
      ({ displayName }) => displayName.toLowerCase() === name.toLowerCase(),
    );
    return found?.id ?? this.#make(mailbox, collection, name, isHidden, signal);
  }

  async #make(
    mailbox: string,
    collection: string,
    displayName: string,
    isHidden: boolean,
    signal: AbortSignal,
  ): Promise<string> {
    const path = `/users/${encodeURIComponent(mailbox)}${collection}`;
    try {
      const made = await this.#client.call(
        { method: "POST", path, mailbox, json: JSON.stringify({ displayName, isHidden }) },
        signal,
      );
      return FolderItem.parse(made.json).id;
    } catch (error) {
      // Somebody else made it, or an earlier attempt did whose answer was lost.
      if (!(error instanceof GraphFailure) || (error.failure.kind !== "exists" && error.failure.kind !== "unknown"))
        throw error;
      const found = (await this.#children(mailbox, collection, signal)).find(
        (folder) => folder.displayName.toLowerCase() === displayName.toLowerCase(),
      );
      if (found) return found.id;
      throw new GraphFailure({ ...error.failure, kind: "retry" });
    }
  }

  async #children(mailbox: string, collection: string, signal: AbortSignal): Promise<FolderItem[]> {
    const path = `/users/${encodeURIComponent(mailbox)}${collection}?includeHiddenFolders=true&$select=id,displayName,totalItemCount&$top=250`;
    const first = await this.#client.call({ method: "GET", path, mailbox }, signal);
    const pages = await pagesOf(this.#client, first, { mailbox }, signal);
    return pages.flatMap(({ json }) => FolderPage.parse(json).value);
  }

  async #get(mailbox: string, path: string, signal: AbortSignal): Promise<FolderItem> {
    return FolderItem.parse(
      (
        await this.#client.call(
          { method: "GET", path: `/users/${encodeURIComponent(mailbox)}${path}`, mailbox },
          signal,
        )
      ).json,
    );
  }

  /** Those who ask at the same time wait for one answer; a failure is not remembered. */
  #remembered<Value>(known: Map<string, Promise<Value>>, key: string, find: () => Promise<Value>): Promise<Value> {
    let value = known.get(key);
    if (value === undefined) {
      value = find();
      known.set(key, value);
      value.catch(() => known.delete(key));
    }
    return value;
  }
}
