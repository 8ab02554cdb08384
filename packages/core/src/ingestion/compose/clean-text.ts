/** Everything that is no text: C0 controls but tab and line feed, DEL, and half a surrogate pair. One alone decides, so that clean text costs one scan. */
const NOT_CLEAN = /[^\P{Cc}\t\n\u0080-\u009f]|\p{Cs}/u;
const CONTROLS_EACH = /[^\P{Cc}\t\n\u0080-\u009f]/gu;
const LINE_ENDS = /\r\n?/g;
/** What any reader may take for a line end, tabs included: a header field must hold none, not even encoded. */
const BREAKS = /[\t-\r\u0085\u2028\u2029]+/g;
const CONTROLS_IN_LINE = /\p{Cc}/gu;
const NOT_ONE_LINE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
/**
 * Path separators, the controls that make `gpj.exe` read as `exe.jpg`, and the mark of an encoded word: some readers decode
 * names once more, and what comes out then could be a path or a line end.
 */
const NOT_IN_LABEL = /(?<==)\?|[/\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text that any mail reader, database and XML document can hold: line ends become `\n`, half a surrogate pair becomes
 * U+FFFD, and a control character becomes its visible picture (NUL becomes `␀`), so that it does no harm and is still seen.
 */
export function cleanText(text: string): string {
  if (!NOT_CLEAN.test(text)) return text;
  return text.toWellFormed().replace(LINE_ENDS, "\n").replace(CONTROLS_EACH, pictureOf);
}

/** Clean text on one line, for header fields: any run of line ends and tabs becomes one space. */
export function oneLine(text: string): string {
  if (!NOT_ONE_LINE.test(text)) return text;
  return text.toWellFormed().replace(BREAKS, " ").replace(CONTROLS_IN_LINE, pictureOf);
}

/** A file's name as a label: one line that is no path and whose letters stand in the order in which they are read. */
export function fileLabel(name: string): string {
  const label = oneLine(name).replace(NOT_IN_LABEL, "_").trim();
  if (label === "") return "unnamed";
  return label === "." || label === ".." ? label.replaceAll(".", "_") : label;
}

/** U+2400 to U+241F picture the C0 controls, U+2421 DEL. The C1 controls have no pictures. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}
