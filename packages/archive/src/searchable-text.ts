/**
 * Brings text into the form that the index's tokenizer takes apart well. It serves what is indexed and what is searched
 * alike, so that both agree. The tokenizer itself folds case and the accents of Latin letters.
 */
export function searchable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- plain ASCII is most of the text and needs nothing
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return text
    .replace(EMOJI_JOINERS, "")
    .replace(PICTOGRAPHS, pictographWord)
    .normalize("NFKC")
    .replace(VOWEL_POINTS, "")
    .replace(UNSPACED_SCRIPTS, " $& ");
}

/** Whether anything in it can be looked for. */
export function hasWords(text: string): boolean {
  return /[\p{L}\p{N}\p{M}\p{Co}]/u.test(searchable(text));
}

/** An address as one word, so that it is found at once however common its parts are. */
export function addressWord(address: string): string {
  return searchable(address).replace(/[^\p{L}\p{N}]/gu, (character) =>
    String.fromCharCode(0xe000 + (character.charCodeAt(0) & 0xff)),
  );
}

/** The part of an address behind the `@`, with it, as one word. */
export function domainWord(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  return at < 0 ? undefined : addressWord(address.slice(at));
}

/** Every document holds that of its class. It begins in the private use area: nobody types it. */
export function classWord(classId: number): string {
  return `\ue101${classId}`;
}

/** Hebrew and Arabic are written with and without them. The lengthening of Arabic words says nothing either. */
const VOWEL_POINTS = /\u0640|(?=[\u0591-\u05c7\u0610-\u06ed])\p{Mn}/gu;
/** Without spaces between words each character is a word, and a word of two is a phrase. */
const UNSPACED_SCRIPTS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;
const EMOJI_JOINERS = /\u200d|\ufe0e|\ufe0f|\u20e3|\p{Emoji_Modifier}/gu;
const PICTOGRAPHS = /\p{Extended_Pictographic}|\p{Regional_Indicator}/gu;

/** The tokenizer drops symbols but keeps the private use area: each pictograph becomes a word there. */
function pictographWord(pictograph: string): string {
  return ` ${String.fromCodePoint(0xf0000 + ((pictograph.codePointAt(0) ?? 0) & 0xffff))} `;
}
