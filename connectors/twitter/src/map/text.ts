const SUBJECT_LENGTH = 120;

export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** One line that tells what it is about. */
export function subjectOf(lead: string, text: string): string {
  const line = (text.split("\n").find((candidate) => candidate.trim() !== "") ?? "").trim();
  const characters = [...line];
  const short = characters.length > SUBJECT_LENGTH ? `${characters.slice(0, SUBJECT_LENGTH - 1).join("")}…` : line;
  return short ? `${lead}: ${short}` : lead;
}

/** X shortens every link: a reader must see where it went. */
export function expandLinks(text: string, links: { url: string; target: string }[]): string {
  return links.reduce((expanded, { url, target }) => expanded.replaceAll(url, () => target), text);
}

export function paragraphs(text: string): string {
  return `<p>${escapeHtml(text).replaceAll("\n", "<br>")}</p>`;
}
