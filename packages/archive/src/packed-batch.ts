/**
 * What the index needs of a batch of messages, in one stretch of bytes: it crosses to the index's thread without a copy,
 * and the same stretch heads the block in which the truth keeps the mails, so that the index can be made anew from it.
 *
 * Four 32-bit numbers (format, documents, items, bytes of text), then message ids (64-bit floats), the ids of the items'
 * messages (64-bit floats), class ids, ends of each document's text, the items' folder ids (32 bits each), and the text.
 */
export interface PackedBatch {
  ids: Float64Array;
  classes: Uint32Array;
  /** Where each document's text ends within `text`. */
  ends: Uint32Array;
  /** The fields of each document in UTF-8, separated by `FIELD_SEPARATOR`. */
  text: Uint8Array;
  itemMessages: Float64Array;
  /** The folder that the item is in. With `WITHDRAWN` added: that it is no longer in. */
  itemFolders: Uint32Array;
}

export const WITHDRAWN = 2 ** 31;

/** Subject, text, sender, recipients and attachment names, in this order. */
export const FIELD_SEPARATOR = "\u001f";
/** Between participants, and between attachment names. */
export const ENTRY_SEPARATOR = "\n";
/** Between a participant's name and address. */
export const NAME_SEPARATOR = "\t";

const FORMAT = 1;
const HEADER_BYTES = 16;

export function packBatch({
  ids,
  classes,
  ends,
  text,
  itemMessages,
  itemFolders,
}: PackedBatch): Uint8Array<ArrayBuffer> {
  const [documents, items] = [ids.length, itemMessages.length];
  const textStart = HEADER_BYTES + 16 * documents + 12 * items;
  const bytes = new Uint8Array(textStart + text.length);
  new Uint32Array(bytes.buffer, 0, 4).set([FORMAT, documents, items, text.length]);
  new Float64Array(bytes.buffer, HEADER_BYTES, documents).set(ids);
  new Float64Array(bytes.buffer, HEADER_BYTES + 8 * documents, items).set(itemMessages);
  const words = new Uint32Array(bytes.buffer, HEADER_BYTES + 8 * (documents + items), 2 * documents + items);
  words.set(classes, 0);
  words.set(ends, documents);
  words.set(itemFolders, 2 * documents);
  bytes.set(text, textStart);
  return bytes;
}

/** Views into `bytes`, which must begin at a multiple of 8 in its buffer. */
export function unpackBatch(bytes: Uint8Array): PackedBatch {
  const { buffer, byteOffset } = bytes;
  const [format, documents = 0, items = 0, textBytes = 0] = new Uint32Array(buffer, byteOffset, 4);
  if (format !== FORMAT)
    throw new Error(`A block of the archive has the format ${format}; this version reads ${FORMAT}.`);
  const idsStart = byteOffset + HEADER_BYTES;
  const wordsStart = idsStart + 8 * (documents + items);
  return {
    ids: new Float64Array(buffer, idsStart, documents),
    itemMessages: new Float64Array(buffer, idsStart + 8 * documents, items),
    classes: new Uint32Array(buffer, wordsStart, documents),
    ends: new Uint32Array(buffer, wordsStart + 4 * documents, documents),
    itemFolders: new Uint32Array(buffer, wordsStart + 8 * documents, items),
    text: new Uint8Array(buffer, wordsStart + 8 * documents + 4 * items, textBytes),
  };
}
