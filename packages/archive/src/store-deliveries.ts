import { hash, randomUUID } from "node:crypto";
import type { BlobReference } from "@hansard/core";
import type { Delivery, Message, Outcome, Receipt } from "@hansard/core/ingestion";
import { BatchWriter } from "./batch-writer.ts";
import type { Database } from "./database.ts";
import { type Directory, itemPrefix } from "./directory.ts";
import { EVER_DELIVERED, ItemWriter } from "./item-writer.ts";
import { layoutOf } from "./mail-layout.ts";
import { Names } from "./names.ts";
import { displayNameOf, personText } from "./person-text.ts";
import { firstPlace, type Places } from "./message-place.ts";

/** What a transaction made durable. The index gets `batch`. */
export interface Stored {
  outcomes: Outcome[];
  /** The request's number, which is its block's too. Absent: all of it was there already. */
  request?: { id: number; messages: number; batch: Uint8Array<ArrayBuffer> };
}

export interface Shelves {
  truth: Database;
  directory: Directory;
  places: Places;
}

/** A message of the batch: where it is, and whether this request brought it. */
interface Placed {
  id: number;
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

  /** `refused` are outcomes that are settled before; their deliveries are passed over. */
  store(deliveries: readonly Delivery[], refused: readonly (Outcome | undefined)[]): Stored {
    const { truth } = this.#shelves;
    this.#batch.reset();
    return truth.transaction(() => {
      const request = truth.number("SELECT coalesce(max(id), 0) + 1 FROM request");
      const correlationId = randomUUID();
      const placed = new Map<string, Placed>();
      const outcomes = deliveries.map(
        (delivery, index) => refused[index] ?? this.#deliver(delivery, { request, correlationId, placed }),
      );
      this.#items.flush();
      if (this.#batch.items === 0) return { outcomes };
      this.#close(request, correlationId);
      return { outcomes, request: { id: request, messages: this.#batch.messages, batch: this.#batch.batch() } };
    });
  }

  #deliver(delivery: Delivery, run: { request: number; correlationId: string; placed: Map<string, Placed> }): Outcome {
    const { message, mailbox: address, folder } = delivery;
    const { directory } = this.#shelves;
    let placed = run.placed.get(message.id);
    if (placed === undefined) {
      placed = this.#place(delivery, run.request);
      run.placed.set(message.id, placed);
    }
    if (placed.refused !== undefined) return placed.refused;
    const mailbox = directory.open(address);
    const folderId = directory.folder(mailbox, folder);
    const itemId = mailbox.itemPrefix + placed.suffix;
    if (placed.mailboxes !== undefined) {
      if (!placed.mailboxes.includes(mailbox.id)) {
        placed.mailboxes.push(mailbox.id);
        this.#items.addNew(placed.id, mailbox.id, folderId, run.request);
        this.#batch.addItem(placed.id, folderId);
      }
      return { status: "accepted", receipt: { itemId, correlationId: run.correlationId } };
    }
    if (this.#items.addLate(placed.id, mailbox.id, folderId, run.request)) {
      this.#batch.addLateItem(placed.id, folderId);
      return { status: "accepted", receipt: { itemId, correlationId: run.correlationId } };
    }
    const known = this.#items.correlation(placed.id, mailbox.id);
    return { status: "accepted", receipt: { itemId, correlationId: known ?? run.correlationId } };
  }

  #place(delivery: Delivery, request: number): Placed {
    const { message, mail } = delivery;
    const { places } = this.#shelves;
    const date = Date.parse(message.date);
    const key = messageKey(message.id);
    const text = this.#batch.writeText(message);
    let id = places.propose(date);
    while (!this.#insertMessage({ id, key, date, start: text.end }, delivery, request)) {
      const known = this.#known(key);
      if (known !== undefined)
        return known.sha256 === mail.sha256 ? { id: known.id, suffix: itemSuffix(known.id) } : differs(message);
      id = places.freeFrom(Math.max(id, firstPlace(date)));
    }
    places.take(date, id);
    this.#batch.addDocument(id, this.#classes.id(message.messageClass), text, mail.segments);
    for (const segment of mail.segments) if (!(segment instanceof Uint8Array)) this.#insertBlob(segment.blob);
    return { id, suffix: itemSuffix(id), mailboxes: [] };
  }

  /** Gives false where the id or the message is taken already. */
  #insertMessage(
    place: { id: number; key: Uint8Array; date: number; start: number },
    { message, mail }: Delivery,
    block: number,
  ): boolean {
    // One installation's Message-IDs end alike: the end is written down once.
    const at = Math.max(0, message.id.lastIndexOf("@"));
    const [first, ...more] = mail.segments;
    const isWhole = more.length === 0 && first instanceof Uint8Array;
    let length = 0;
    for (const segment of mail.segments) if (segment instanceof Uint8Array) length += segment.length;
    const { changes } = this.#shelves.truth
      .statement(
        "INSERT INTO message (id, key, local, domain, class, date, sha256, size, block, start, length, layout, subject, sender) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      )
      .run(
        place.id,
        place.key,
        message.id.slice(0, at),
        this.#domains.id(message.id.slice(at)),
        this.#classes.id(message.messageClass),
        place.date,
        Buffer.from(mail.sha256, "hex"),
        mail.size,
        block,
        place.start,
        length,
        isWhole ? null : JSON.stringify(layoutOf(mail)),
        message.subject,
        this.#people.id(displayNameOf(personText(message.from))),
      );
    return changes === 1;
  }

  #insertBlob({ sha256, size }: BlobReference): void {
    this.#shelves.truth
      .statement("INSERT INTO blob (sha256, size) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(sha256, size);
  }

  #known(key: Uint8Array): { id: number; sha256: string } | undefined {
    const row = this.#shelves.truth.get("SELECT id, lower(hex(sha256)) AS sha256 FROM message WHERE key = ?", key);
    return row === undefined ? undefined : { id: Number(row["id"]), sha256: String(row["sha256"]) };
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
  return hash("sha256", messageId, "buffer").subarray(0, 16);
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
      `SELECT message.id, correlation FROM message JOIN ${EVER_DELIVERED} AS item ON item.message = message.id JOIN request ON request.id = item.request WHERE key = ? AND mailbox = ?`,
      messageKey(message.id),
      mailbox.id,
    );
    if (row === undefined) return undefined;
    return { itemId: itemIdOf(mailbox.id, Number(row["id"])), correlationId: String(row["correlation"]) };
  });
}

function differs(message: Message): Placed {
  const reason = `The archive holds another mail under the Message-ID ${message.id}, and keeps what it has.`;
  const remedy = "Find out which of the two is genuine: the same event always gives the same bytes.";
  return { id: 0, suffix: "", refused: { status: "refused", reason, remedy } };
}
