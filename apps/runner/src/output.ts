/** Prints a result: as JSON for scripts, or as text for people. */
export function print(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, undefined, 2) : text().trimEnd()}\n`);
}

/** Rows in columns; the last column runs on. */
export function table(rows: (string | number)[][]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, shownWidth(String(cell)))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const gap = " ".repeat(Math.max(0, (widths[column] ?? 0) - shownWidth(String(cell))));
          if (typeof cell === "number") return `${gap}${cell}`;
          return column === row.length - 1 ? cell : `${cell}${gap}`;
        })
        .join("  "),
    )
    .join("\n");
}

/** What came from outside may hold control characters that would drive the terminal. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) =>
    character === "\t" ? " " : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** How to call the command line from here: through npm in the repository, as it was called elsewhere. */
export function commandName(environment: NodeJS.ProcessEnv = process.env): string {
  const { npm_lifecycle_event: script, npm_package_name: within } = environment;
  if (script === "npx") return "npx hansard";
  return script !== undefined && within === "hansard" ? "npm run -s hansard --" : "hansard";
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** A line that tells how far the work is: rewritten in place on a terminal, now and then elsewhere. */
export class Progress {
  readonly #terminal = Boolean(process.stderr.isTTY);
  #last = 0;
  #line = "";

  show(line: string): void {
    const now = performance.now();
    this.#line = line;
    if (now - this.#last < (this.#terminal ? 100 : 5_000)) return;
    this.#last = now;
    process.stderr.write(this.#terminal ? `\r\u001B[K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.#line === "") return;
    process.stderr.write(this.#terminal ? `\r\u001B[K${this.#line}\n` : `${this.#line}\n`);
    this.#line = "";
    this.#last = 0;
  }
}

function shownWidth(text: string): number {
  return [...text].length;
}
