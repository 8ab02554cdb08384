import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A file that appears under its name only when it is whole and on disk. */
export class FileWriter {
  readonly #folder: string;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #size = 0;

  private constructor(folder: string, path: string, file: FileHandle) {
    this.#folder = folder;
    this.#path = path;
    this.#file = file;
  }

  static async open(folder: string, path: string): Promise<FileWriter> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    return new FileWriter(folder, path, await open(join(folder, `${path}.part`), "w"));
  }

  async write(chunk: Uint8Array | string): Promise<void> {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    this.#hash.update(bytes);
    this.#size += bytes.length;
    for (let offset = 0; offset < bytes.length;) offset += (await this.#file.write(bytes, offset)).bytesWritten;
  }

  /** Gives the file its name, and says what it holds. */
  async finish(): Promise<{ path: string; sha256: string; size: number }> {
    await this.#file.sync();
    await this.#file.close();
    await rename(join(this.#folder, `${this.#path}.part`), join(this.#folder, this.#path));
    return { path: this.#path, sha256: this.#hash.digest("hex"), size: this.#size };
  }
}
