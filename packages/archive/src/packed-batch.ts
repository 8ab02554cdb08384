import { isAscii } from "node:buffer";

/**
 * A batch of messages in one stretch of bytes. The index's thread gets one with the texts that it indexes; a block of
 * the truth is one with the mails between the texts, so that the index can be made anew from it.
 *
 * Four 32-bit numbers (format, documents, items, bytes of data), then message ids (64-bit floats), the ids of the items'
 * messages (64-bit floats), class ids, starts and ends of each document's text, the items' folder ids (32 bits each),
 * and the data.
 */
export interface PackedBatch {
  ids: Float64Array;
  classes: Uint32Array;
  /** Where each document's text starts within `data`. */
  starts: Uint32Array;
  ends: Uint32Array;
  /** Holds the fields of each document in UTF-8, separated by `FIELD_SEPARATOR`. */
  data: Uint8Array;
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

/** `room` gives memory to write into, whatever it held before. Absent: new memory. */
export function packBatch(
  batch: PackedBatch,
  room: (bytes: number) => ArrayBuffer = (bytes) => new ArrayBuffer(bytes),
): Uint8Array<ArrayBuffer> {
  const { ids, classes, starts, ends, data, itemMessages, itemFolders } = batch;
  const [documents, items] = [ids.length, itemMessages.length];
  const length = headBytes(batch) + data.length;
  const bytes = new Uint8Array(room(length), 0, length);
  new Uint32Array(bytes.buffer, 0, 4).set([FORMAT, documents, items, data.length]);
  new Float64Array(bytes.buffer, HEADER_BYTES, documents).set(ids);
  new Float64Array(bytes.buffer, HEADER_BYTES + 8 * documents, items).set(itemMessages);
  const words = new Uint32Array(bytes.buffer, HEADER_BYTES + 8 * (documents + items), 3 * documents + items);
  words.set(classes, 0);
  words.set(starts, documents);
  words.set(ends, 2 * documents);
  words.set(itemFolders, 3 * documents);
  bytes.set(data, headBytes(batch));
  return bytes;
}

/** How many bytes stand before the data. */
function headBytes({ ids, itemMessages }: Pick<PackedBatch, "ids" | "itemMessages">): number {
  return HEADER_BYTES + 20 * ids.length + 12 * itemMessages.length;
}

/** Views into `bytes`, which must begin at a multiple of 8 in its buffer. */
export function unpackBatch(bytes: Uint8Array): PackedBatch {
  const { buffer, byteOffset } = bytes;
  const [format, documents = 0, items = 0, dataBytes = 0] = new Uint32Array(buffer, byteOffset, 4);
  if (format !== FORMAT)
    throw new Error(`A block of the archive has the format ${format}; this version reads ${FORMAT}.`);
  const idsStart = byteOffset + HEADER_BYTES;
  const wordsStart = idsStart + 8 * (documents + items);
  return {
    ids: new Float64Array(buffer, idsStart, documents),
    itemMessages: new Float64Array(buffer, idsStart + 8 * documents, items),
    classes: new Uint32Array(buffer, wordsStart, documents),
    starts: new Uint32Array(buffer, wordsStart + 4 * documents, documents),
    ends: new Uint32Array(buffer, wordsStart + 8 * documents, documents),
    itemFolders: new Uint32Array(buffer, wordsStart + 12 * documents, items),
    data: new Uint8Array(buffer, wordsStart + 12 * documents + 4 * items, dataBytes),
  };
}

/** The fields of a document: subject, text, sender, recipients and attachment names. */
export function fieldsOf({ data, starts, ends }: PackedBatch, document: number): string[] {
  const start = starts[document] ?? 0;
  const bytes = Buffer.from(data.buffer, data.byteOffset + start, (ends[document] ?? 0) - start);
  return bytes.toString(isAscii(bytes) ? "latin1" : "utf8").split(FIELD_SEPARATOR);
}
