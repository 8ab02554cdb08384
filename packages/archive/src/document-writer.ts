import type { Database } from "./database.ts";
import { ENTRY_SEPARATOR, NAME_SEPARATOR, type PackedBatch, WITHDRAWN, fieldsOf } from "./packed-batch.ts";
import { addressWord, classWord, domainWord, searchable } from "./searchable-text.ts";

const ROWS_AT_ONCE = 64;
const REMEMBERED_PEOPLE = 50_000;

/** Writes documents and holdings into the index, within a transaction. */
export class DocumentWriter {
  readonly #index: Database;
  readonly #people = new Map<string, string>();

  constructor(index: Database) {
    this.#index = index;
  }

  write(batches: readonly PackedBatch[]): void {
    // A rowid that is not the highest so far makes the index write out all that it has gathered.
    for (const { batch, document, id } of inOrderOfTime(batches)) this.#writeDocument(batch, document, id);
    this.#writeHoldings(batches);
  }

  #writeDocument(batch: PackedBatch, document: number, id: number): void {
    const [subject = "", body = "", sender = "", recipients = "", attachments = ""] = fieldsOf(batch, document);
    const label = classWord(batch.classes[document] ?? 0);
    this.#index
      .statement("INSERT INTO text (rowid, body, subject, sender, recipients, labels) VALUES (?, ?, ?, ?, ?, ?)")
      .run(
        id,
        searchable(body),
        searchable(subject),
        this.#person(sender),
        this.#everyone(recipients),
        attachments === "" ? label : `${searchable(attachments)} ${label}`,
      );
  }

  #everyone(entries: string): string {
    let words = "";
    for (const entry of entries.split(ENTRY_SEPARATOR)) if (entry !== "") words += `${this.#person(entry)} `;
    return words;
  }

  /** The same few hundred people write most of an archive: their words are made once. */
  #person(entry: string): string {
    let words = this.#people.get(entry);
    if (words !== undefined) return words;
    words = personWords(entry);
    if (this.#people.size >= REMEMBERED_PEOPLE) this.#people.clear();
    this.#people.set(entry, words);
    return words;
  }

  /** Folder by folder, so that neighbours in the tree are written together. */
  #writeHoldings(batches: readonly PackedBatch[]): void {
    const messages = new Map<number, number[]>();
    const gone: [folder: number, message: number][] = [];
    for (const { itemMessages, itemFolders } of batches) {
      for (let index = 0; index < itemMessages.length; index += 1) {
        const folder = itemFolders[index] ?? 0;
        if (folder >= WITHDRAWN) {
          gone.push([folder - WITHDRAWN, itemMessages[index] ?? 0]);
          continue;
        }
        const list = messages.get(folder);
        if (list === undefined) messages.set(folder, [itemMessages[index] ?? 0]);
        else list.push(itemMessages[index] ?? 0);
      }
    }
    const pairs = [...messages.keys()]
      .sort((one, other) => one - other)
      .flatMap((folder) =>
        (messages.get(folder) ?? []).sort((one, other) => one - other).flatMap((message) => [folder, message]),
      );
    for (let start = 0; start < pairs.length; start += 2 * ROWS_AT_ONCE) {
      const values = pairs.slice(start, start + 2 * ROWS_AT_ONCE);
      this.#index.statement(insertHoldings(values.length / 2)).run(...values);
    }
    const remove = this.#index.statement("DELETE FROM holding WHERE folder = ? AND message = ?");
    for (const [folder, message] of gone) remove.run(folder, message);
  }
}

function insertHoldings(rows: number): string {
  return `INSERT OR IGNORE INTO holding (folder, message) VALUES ${"(?, ?),".repeat(rows).slice(0, -1)}`;
}

function inOrderOfTime(batches: readonly PackedBatch[]): { batch: PackedBatch; document: number; id: number }[] {
  const documents = batches.flatMap((batch) => Array.from(batch.ids, (id, document) => ({ batch, document, id })));
  return documents.sort((one, other) => one.id - other.id);
}

/** A name's words, the address and its domain as one word each, and what the address says beyond the name. */
function personWords(entry: string): string {
  const [name = "", address = ""] = entry.split(NAME_SEPARATOR);
  const local = address.slice(0, Math.max(0, address.lastIndexOf("@")));
  const known = new Set(words(name));
  const more = words(local).filter((word) => !known.has(word));
  return [searchable(name), ...more, addressWord(address), domainWord(address) ?? ""].join(" ");
}

function words(text: string): string[] {
  return searchable(text)
    .toLowerCase()
    .split(/[^\p{L}\p{N}\p{M}\p{Co}]+/u)
    .filter(Boolean);
}
