import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FileWriter } from "./file-writer.ts";

/** A line that waits in the file. */
interface Place {
  date: string;
  messageId: string;
  start: number;
  length: number;
}

/** Takes lines in any order and gives them sorted. They wait in a file, and only what orders them in memory. */
export class SortedLines {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #places: Place[] = [];
  #end = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(folder: string): Promise<SortedLines> {
    const path = join(folder, "unsorted.part");
    return new SortedLines(path, await open(path, "w+"));
  }

  async add(key: { date: string; messageId: string }, line: string): Promise<void> {
    const bytes = Buffer.from(line);
    for (let offset = 0; offset < bytes.length;)
      offset += (await this.#file.write(bytes, offset, bytes.length - offset, this.#end + offset)).bytesWritten;
    this.#places.push({ date: key.date, messageId: key.messageId, start: this.#end, length: bytes.length });
    this.#end += bytes.length;
  }

  /** Writes all lines, and removes the file that they waited in. */
  async writeTo(writer: FileWriter, isBefore: (one: Place, other: Place) => boolean): Promise<void> {
    this.#places.sort((one, other) => (isBefore(one, other) ? -1 : 1));
    for (const { start, length } of this.#places) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, start);
      if (bytesRead !== length) throw new Error(`${this.#path} ends too early.`);
      await writer.write(buffer);
    }
    await this.#file.close();
    await rm(this.#path);
  }
}
