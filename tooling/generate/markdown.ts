/** A table whose cells are Markdown already, but for what would end them. */
export function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n");
}

export function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** Text that stands for itself, whatever is in it. */
export function plain(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>&#~$]/g, "\\$&");
}

function cell(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
}
