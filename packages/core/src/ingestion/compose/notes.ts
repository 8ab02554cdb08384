const HEADING = "Notes of the archive";

/** The text with its notes below it. */
export function notesAsText(text: string, notes: string[]): string {
  if (notes.length === 0) return text;
  const list = notes.map((note) => `- ${note}`).join("\n");
  return `${text === "" || text.endsWith("\n") ? text : `${text}\n`}\n-- ${HEADING} --\n${list}\n`;
}

/** The HTML with its notes above it, where no comment or element that the source left open can hide them. */
export function notesAsHtml(html: string, notes: string[]): string {
  if (notes.length === 0) return html;
  const list = notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("");
  return `<div><p><strong>${HEADING}</strong></p><ul>${list}</ul></div><hr>\n${html}`;
}

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
