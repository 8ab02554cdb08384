import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { z } from "zod";

/** A file of JSON lines. A line that a crash cut short is passed over. */
export class JsonLines<Line> {
  readonly #file: string;
  readonly #schema: z.ZodType<Line>;

  constructor(file: string, schema: z.ZodType<Line>) {
    this.#file = file;
    this.#schema = schema;
  }

  append(line: Line): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  read(): Line[] {
    return this.#text()
      .split("\n")
      .flatMap((line) => this.#parsed(line) ?? []);
  }

  replace(lines: Line[]): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, lines.map((line) => `${JSON.stringify(line)}\n`).join(""), { flush: true });
    renameSync(next, this.#file);
  }

  #text(): string {
    try {
      return readFileSync(this.#file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
      throw error;
    }
  }

  #parsed(line: string): Line | undefined {
    try {
      return this.#schema.safeParse(JSON.parse(line)).data;
    } catch {
      return undefined;
    }
  }
}
