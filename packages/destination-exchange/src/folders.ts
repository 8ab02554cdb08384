import type { Folder } from "@hansard/core/ingestion";
import { find } from "./answer.ts";
import { ExchangeFailure } from "./failure.ts";
import { createFolder, distinguishedFolder, findFolder, type FolderReference } from "./requests.ts";
import type { Session } from "./session.ts";

/** Finds the folders of mailboxes, makes the visible ones where they are absent, and remembers them. */
export class Folders {
  readonly #session: Session;
  readonly #known = new Map<string, Promise<string | undefined>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Undefined: the folder is not there and is not to be made. */
  async reference(
    mailbox: string,
    folder: Folder,
    signal: AbortSignal,
    options: { make: boolean },
  ): Promise<FolderReference | undefined> {
    let reference = distinguishedFolder(folder, mailbox);
    if (folder.kind !== "visible") return reference;
    for (const [depth, name] of folder.path.entries()) {
      const key = [mailbox, ...folder.path.slice(0, depth + 1)].join("\n");
      const id = await this.#remembered(key, () => this.#within(mailbox, reference, name, signal, options.make));
      if (id === undefined) return undefined;
      reference = { id };
    }
    return reference;
  }

  /** Somebody removed or moved a folder: its id names nothing any more. */
  forget(mailbox: string): void {
    for (const key of this.#known.keys()) if (key.startsWith(`${mailbox}\n`)) this.#known.delete(key);
  }

  /** Deliveries to the same folder wait for the same look-up, so that it is made once. */
  async #remembered(key: string, look: () => Promise<string | undefined>): Promise<string | undefined> {
    const known = this.#known.get(key);
    if (known) return known;
    const looking = look();
    this.#known.set(key, looking);
    try {
      const id = await looking;
      if (id === undefined) this.#known.delete(key);
      return id;
    } catch (error) {
      this.#known.delete(key);
      throw error;
    }
  }

  async #within(
    mailbox: string,
    parent: FolderReference,
    name: string,
    signal: AbortSignal,
    make: boolean,
  ): Promise<string | undefined> {
    const found = await this.#find(mailbox, parent, name, signal);
    if (found !== undefined || !make) return found;
    try {
      const { messages } = await this.#session.call({
        operation: "CreateFolder",
        mailbox,
        body: createFolder(parent, name),
        signal,
      });
      const [message] = messages;
      if (message && "failure" in message) throw message.failure;
      return find(message?.element, "FolderId")?.attributes["Id"];
    } catch (error) {
      // It exists after all where another run made it, or where our own request was carried out without an answer.
      if (!(error instanceof ExchangeFailure) || !["ErrorFolderExists"].includes(error.code)) {
        if (!(error instanceof ExchangeFailure) || error.disposition !== "unknown") throw error;
        throw new ExchangeFailure(
          "retry",
          `The folder "${name}" may not have been made: ${error.message}`,
          { code: error.code },
          error,
        );
      }
      return this.#find(mailbox, parent, name, signal);
    }
  }

  async #find(
    mailbox: string,
    parent: FolderReference,
    name: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { messages } = await this.#session.call({
      operation: "FindFolder",
      mailbox,
      body: findFolder(parent, name),
      signal,
      idempotent: true,
    });
    const [message] = messages;
    if (message && "failure" in message) throw message.failure;
    return find(message?.element, "FolderId")?.attributes["Id"];
  }
}
