const ENTITIES: Record<string, string> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&#39;": "'",
  "&amp;": "&",
};

/**
 * Some texts are escaped twice. Only one that was escaped throughout is read so: a bare `<` or `&` shows that the writer
 * typed what stands there.
 */
export function unescapeTwice(text: string): string {
  if (!text.includes("&") || /[<>]|&(?!(?:lt|gt|quot|apos|#39|amp);)/.test(text)) return text;
  return text.replace(/&(?:lt|gt|quot|apos|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** A text's first line, short enough for a subject. */
export function firstLine(text: string): string {
  const line = text.trim().split(/\r?\n/, 1)[0] ?? "";
  const characters = [...line];
  return characters.length > 80 ? `${characters.slice(0, 79).join("")}…` : line;
}

/** Seconds since 1970 as a readable time. */
export function readableTime(epoch: string | undefined): string {
  if (epoch === undefined) return "an unknown time";
  const value = Number(epoch);
  return `${new Date(value >= 1e11 ? value : value * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
