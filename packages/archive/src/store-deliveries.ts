import { hash, randomUUID } from "node:crypto";
import type { BlobReference } from "@hansard/core";
import type { Delivery, Folder, Outcome, Receipt } from "@hansard/core/ingestion";
import { BatchWriter } from "./batch-writer.ts";
import type { Database } from "./database.ts";
import { type Directory, itemPrefix } from "./directory.ts";
import { EVER_DELIVERED, ItemWriter } from "./item-writer.ts";
import { blobsOf } from "./mail-layout.ts";
import { firstPlace, type Places } from "./message-place.ts";
import { Names } from "./names.ts";
import { type PackedMessage, type PackedRequest, unpackMessages } from "./packed-request.ts";

/** What a transaction made durable. The index gets `batch`. */
export interface Stored {
  /** One for each delivery, in their order: the id of its item, or what else became of it. */
  outcomes: (string | Outcome)[];
  /** Of the items for which only the id is given. */
  correlationId: string;
  /** The request's number, which is its block's too. Absent: all of it was there already. */
  request?: IndexableRequest;
}

export interface IndexableRequest {
  id: number;
  messages: number;
  batch: Uint8Array<ArrayBuffer>;
}

export interface Shelves {
  truth: Database;
  directory: Directory;
  places: Places;
}

/** A message of the batch: where it is, and whether this request brought it. */
interface Placed {
  id: number;
  number: number;
  sha256: Uint8Array;
  /** The end of its items' ids. */
  suffix: string;
  /** Of a message that this request brings: the mailboxes that have it by now. */
  mailboxes?: number[];
  refused?: Outcome;
}

/** Puts deliveries on the shelves, all in one transaction. Built once: it keeps its buffers. */
export class DeliveryWriter {
  readonly #shelves: Shelves;
  readonly #batch = new BatchWriter();
  readonly #items: ItemWriter;
  readonly #classes: Names;
  readonly #domains: Names;
  readonly #people: Names;

  constructor(shelves: Shelves) {
    this.#shelves = shelves;
    this.#classes = new Names(shelves.truth, "class");
    this.#domains = new Names(shelves.truth, "domain");
    this.#people = new Names(shelves.truth, "person");
    this.#items = new ItemWriter(shelves.truth);
  }

  store(packed: PackedRequest): Stored {
    const { truth } = this.#shelves;
    this.#batch.reset();
    return truth.transaction(() => {
      const request = truth.number("SELECT coalesce(max(id), 0) + 1 FROM request");
      const correlationId = randomUUID();
      const placed = this.#placeAll(packed, request);
      const outcomes: Stored["outcomes"] = [];
      const { deliveries, mailboxes, folders } = packed;
      for (let at = 0; at < deliveries.length; at += 3) {
        const message = placed[deliveries[at] ?? 0];
        const mailbox = mailboxes[deliveries[at + 1] ?? 0];
        const folder = folders[deliveries[at + 2] ?? 0];
        if (!message || mailbox === undefined || !folder) throw new Error(`Delivery ${at / 3} was packed wrongly.`);
        outcomes.push(this.#deliver(message, mailbox, folder, request));
      }
      this.#items.flush();
      if (this.#batch.items === 0) return { outcomes, correlationId };
      this.#close(request, correlationId);
      const { messages } = this.#batch;
      return { outcomes, correlationId, request: { id: request, messages, batch: this.#batch.batch() } };
    });
  }

  #placeAll(packed: PackedRequest, request: number): Placed[] {
    const known = new Map<string, Placed>();
    const all: Placed[] = [];
    for (const message of unpackMessages(packed)) all.push(this.#placeOnce(message, known, request));
    return all;
  }

  /** A request may bring a message twice. */
  #placeOnce(message: PackedMessage, known: Map<string, Placed>, request: number): Placed {
    const twin = known.get(message.id);
    if (twin !== undefined) return sameMail(twin, message) ? twin : differs(message);
    const placed = this.#place(message, request);
    known.set(message.id, placed);
    return placed;
  }

  #deliver(placed: Placed, address: string, folder: Folder, request: number): string | Outcome {
    if (placed.refused !== undefined) return placed.refused;
    const { directory } = this.#shelves;
    const mailbox = directory.open(address);
    const folderId = directory.folder(mailbox, folder);
    const itemId = mailbox.itemPrefix + placed.suffix;
    if (placed.mailboxes !== undefined) {
      if (placed.mailboxes.includes(mailbox.id)) return itemId;
      placed.mailboxes.push(mailbox.id);
      this.#items.addNew(placed.number, mailbox.id, folderId, request);
      this.#batch.addItem(placed.id, folderId);
      return itemId;
    }
    if (this.#items.addLate(placed.number, mailbox.id, folderId, request)) {
      this.#batch.addLateItem(placed.id, folderId);
      return itemId;
    }
    const correlationId = this.#items.correlation(placed.number, mailbox.id);
    return correlationId === undefined ? itemId : { status: "accepted", receipt: { itemId, correlationId } };
  }

  #place(message: PackedMessage, request: number): Placed {
    const { places } = this.#shelves;
    const { date, sha256, bytes, textBytes, layout = [] } = message;
    const key = messageKey(message.id);
    let id = places.propose(date);
    let number = this.#insertMessage({ id, key }, message, request);
    while (number === undefined) {
      const known = this.#known(key);
      if (known !== undefined)
        return sameMail(known, message) ? { ...known, suffix: itemSuffix(known.id) } : differs(message);
      id = places.freeFrom(Math.max(id, firstPlace(date)));
      number = this.#insertMessage({ id, key }, message, request);
    }
    places.take(date, id);
    this.#batch.addDocument(id, this.#classes.id(message.messageClass), bytes, textBytes);
    for (const blob of blobsOf(layout)) this.#insertBlob(blob);
    return { id, number, sha256, suffix: itemSuffix(id), mailboxes: [] };
  }

  /** Gives the message's number. Undefined: the id or the message is taken already. */
  #insertMessage(
    place: { id: number; key: Uint8Array },
    { id, messageClass, date, sha256, size, textBytes, bytes, layout, subject, sender }: PackedMessage,
    block: number,
  ): number | undefined {
    // One installation's Message-IDs end alike: the end is written down once.
    const at = Math.max(0, id.lastIndexOf("@"));
    const { changes, lastInsertRowid } = this.#shelves.truth
      .statement(
        "INSERT INTO message (id, key, local, domain, class, date, sha256, size, block, start, length, layout, subject, sender) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      )
      .run(
        place.id,
        place.key,
        id.slice(0, at),
        this.#domains.id(id.slice(at)),
        this.#classes.id(messageClass),
        date,
        sha256,
        size,
        block,
        this.#batch.mailStart(textBytes),
        bytes.length - textBytes,
        layout === undefined ? null : JSON.stringify(layout),
        subject,
        this.#people.id(sender),
      );
    return changes === 1 ? Number(lastInsertRowid) : undefined;
  }

  #insertBlob({ sha256, size }: BlobReference): void {
    this.#shelves.truth
      .statement("INSERT INTO blob (sha256, size) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(sha256, size);
  }

  #known(key: Uint8Array): { id: number; number: number; sha256: Uint8Array } | undefined {
    const row = this.#shelves.truth.get("SELECT id, number, sha256 FROM message WHERE key = ?", key);
    if (!(row?.["sha256"] instanceof Uint8Array)) return undefined;
    return { id: Number(row["id"]), number: Number(row["number"]), sha256: row["sha256"] };
  }

  #close(request: number, correlationId: string): void {
    const { truth, places } = this.#shelves;
    const { size, data } = this.#batch.block();
    const { messages, items } = this.#batch;
    truth
      .statement("INSERT INTO block (id, messages, size, data) VALUES (?, ?, ?, ?)")
      .run(request, messages, size, data);
    truth
      .statement("INSERT INTO request (id, correlation, time, messages, items) VALUES (?, ?, ?, ?, ?)")
      .run(request, correlationId, Date.now(), messages, items);
    places.storeSpill();
  }
}

/** Under which a message is recognised: half the room of the Message-ID, and no easier to forge. */
export function messageKey(messageId: string): Uint8Array {
  return Buffer.from(hash("sha256", messageId, "hex").slice(0, 32), "hex");
}

export function itemIdOf(mailbox: number, message: number): string {
  return itemPrefix(mailbox) + itemSuffix(message);
}

function itemSuffix(message: number): string {
  return message.toString(36);
}

/** The message that an item id names, in this mailbox. */
export function messageOfItem(itemId: string, mailbox: number): number | undefined {
  const [owner, message, ...more] = itemId.split(".");
  if (owner === undefined || message === undefined || more.length > 0) return undefined;
  const id = Number.parseInt(message, 36);
  return Number.parseInt(owner, 36) === mailbox && Number.isSafeInteger(id) ? id : undefined;
}

/** Where deliveries are, without storing any. */
export function findDeliveries(
  { truth, directory }: Omit<Shelves, "places">,
  deliveries: readonly Delivery[],
): (Receipt | undefined)[] {
  return deliveries.map(({ message, mailbox: address }) => {
    const mailbox = directory.find(address);
    if (mailbox === undefined) return undefined;
    const row = truth.get(
      `SELECT message.id, correlation FROM message JOIN ${EVER_DELIVERED} AS item ON item.message = message.number JOIN request ON request.id = item.request WHERE key = ? AND mailbox = ?`,
      messageKey(message.id),
      mailbox.id,
    );
    if (row === undefined) return undefined;
    return { itemId: itemIdOf(mailbox.id, Number(row["id"])), correlationId: String(row["correlation"]) };
  });
}

function sameMail(known: { sha256: Uint8Array }, message: PackedMessage): boolean {
  return Buffer.compare(known.sha256, message.sha256) === 0;
}

function differs({ id, sha256 }: PackedMessage): Placed {
  const reason = `The archive holds another mail under the Message-ID ${id}, and keeps what it has.`;
  const remedy = "Find out which of the two is genuine: the same event always gives the same bytes.";
  return { id: 0, number: 0, sha256, suffix: "", refused: { status: "refused", reason, remedy } };
}
