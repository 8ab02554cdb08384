import type { BlobReference, BlobWriter } from "@hansard/core";
import type { Spool, VerifiedFile } from "@hansard/file-drop";
import type { FileHandle } from "node:fs/promises";

export interface StoredFile {
  /** As the archive names it. */
  name: string;
  archive: string;
  blob: BlobReference;
  /** Where an HTML file's bytes lie in the temporary copy. */
  html?: { position: number; size: number };
  /** Whether some message refers to it. */
  used: boolean;
  /** Whether its archive is new in this run. */
  fresh: boolean;
}

const MAX_HTML_BYTES = 8 * 1024 ** 2;

/** The day's attachments by all the names under which messages may refer to them. It lives as long as its batch. */
export class AttachmentIndex {
  readonly #blobs: BlobWriter;
  readonly #spool: Spool;
  readonly #all: StoredFile[] = [];
  /** One map for each way of naming, in the order in which they are tried. Undefined: the name is not unique. */
  readonly #maps = NAMINGS.map(() => new Map<string, StoredFile | undefined>());
  #html: FileHandle | undefined;
  #htmlSize = 0;

  constructor(blobs: BlobWriter, spool: Spool) {
    this.#blobs = blobs;
    this.#spool = spool;
  }

  /** Stores an archive's files. */
  async add(archive: VerifiedFile, fresh: boolean): Promise<void> {
    for await (const { name, size, content } of archive.members?.() ?? []) {
      const isHtml = /\.html?$/i.test(name) && size <= MAX_HTML_BYTES;
      const kept = isHtml ? { position: this.#htmlSize, size } : undefined;
      const blob = await this.#blobs.put(isHtml ? this.#keeping(content) : content);
      const file: StoredFile = { name, archive: archive.path, blob, used: false, fresh, ...(kept && { html: kept }) };
      this.#all.push(file);
      for (const [index, naming] of NAMINGS.entries()) this.#note(index, naming(baseName(name)), file);
    }
  }

  /** The file that a message means, or undefined where there is none, or none that is surely meant. */
  find(name: string): StoredFile | undefined {
    const base = baseName(name);
    for (const [index, naming] of NAMINGS.entries()) {
      const key = naming(base);
      const found = key === undefined ? undefined : this.#maps[index]?.get(key);
      if (found) return found;
    }
    return undefined;
  }

  /** An HTML file's text, for showing. */
  async html({ html }: StoredFile): Promise<string | undefined> {
    if (!html || !this.#html) return undefined;
    const bytes = Buffer.alloc(html.size);
    await this.#html.read(bytes, 0, html.size, html.position);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return new TextDecoder("windows-1252").decode(bytes);
    }
  }

  /** Files of new archives that no message refers to. */
  unused(): StoredFile[] {
    return this.#all.filter(({ used, fresh }) => fresh && !used);
  }

  async *#keeping(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#html ??= await this.#spool.create();
    for await (const chunk of content) {
      await this.#html.writeFile(chunk);
      this.#htmlSize += chunk.byteLength;
      yield chunk;
    }
  }

  #note(index: number, key: string | undefined, file: StoredFile): void {
    const map = this.#maps[index];
    if (key === undefined || !map) return;
    const before = map.get(key);
    const isSame = before === undefined ? !map.has(key) : before.blob.sha256 === file.blob.sha256;
    map.set(key, isSame ? (before ?? file) : undefined);
  }
}

/** In old drops members are named by the FileID; in newer ones `<sender>_<name>_<hexadecimal id>.<extension>`, and either side may be percent-encoded. */
const NAMINGS: ((base: string) => string | undefined)[] = [
  (base) => base,
  (base) => decode(base),
  (base) => decode(base).toLowerCase(),
  (base) => /^\d+_(.+)$/.exec(decode(base).toLowerCase())?.[1] ?? decode(base).toLowerCase(),
  (base) =>
    /_([0-9a-f]{8,})\.[^.]*$/i.exec(base)?.[1]?.toLowerCase() ??
    /^([0-9a-f]{8,})(?:\.[^.]*)?$/i.exec(base)?.[1]?.toLowerCase(),
];

function baseName(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
