import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** The verifier in Python, kept running so that thousands of exports can be put to it. */
export class PythonVerifier {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    this.#process = spawn("python3", [fileURLToPath(new URL("./verify.py", import.meta.url)), "--serve"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** The problems that it finds in an export, and what it announces. */
  async verify(folder: string, head?: string): Promise<{ problems: string[]; announcements: string[] }> {
    this.#process.stdin.write(`${folder}${head === undefined ? "" : `\t${head}`}\n`);
    const { value } = await this.#answers.next();
    if (typeof value !== "string") throw new Error("The Python verifier ended.");
    return JSON.parse(value) as { problems: string[]; announcements: string[] };
  }

  close(): void {
    this.#process.stdin.end();
  }
}
