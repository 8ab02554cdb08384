import { folderName, type IntendedTarget, type Intent, type Settlement } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Route } from "./intents.ts";
import type { Log } from "./log.ts";
import { readTraces, tracesOf } from "./traces.ts";

/** A mailbox and folder, as sums are kept by. */
export function placeOf({ mailbox, folder }: Pick<IntendedTarget, "mailbox" | "folder">): string {
  return `${mailbox}/${folderName(folder)}`;
}

/** Tells the copies that an intent's settlements name from those that they name again: one that is parked serves several people. */
export class CountedCopies {
  readonly #database: JournalDatabase;
  readonly #log: Log;
  readonly #route: Route;
  readonly #id: number;
  readonly #intent: Intent;
  #hasAny: boolean;
  #deliveredHere: Set<string> | undefined;

  constructor(database: JournalDatabase, log: Log, route: Route, id: number, intent: Intent) {
    this.#database = database;
    this.#log = log;
    this.#route = route;
    this.#id = id;
    this.#intent = intent;
    const { source, destination } = route;
    const any = "SELECT EXISTS (SELECT 1 FROM parked WHERE source = ? AND destination = ?)";
    this.#hasAny = database.number(any, source, destination) > 0;
  }

  /** Whether a copy of the message is counted at this place already. A parked one is from now on. */
  has(index: number, status: Settlement["result"]["status"], to: Pick<IntendedTarget, "mailbox" | "folder">): boolean {
    if (status !== "redirected")
      return this.#hasAny && to.folder.kind === "inbox" && this.#isParked(index, placeOf(to));
    const place = placeOf(to);
    if (this.#isParked(index, place) || this.#isDelivered(index, to.mailbox, place)) return true;
    const { source, destination } = this.#route;
    this.#database.run("INSERT INTO parked VALUES (?, ?, ?, ?)", source, destination, this.#messageId(index), place);
    this.#hasAny = true;
    return false;
  }

  #isParked(index: number, place: string): boolean {
    const { source, destination } = this.#route;
    const known = "SELECT 1 FROM parked WHERE source = ? AND destination = ? AND message = ? AND place = ?";
    return this.#database.get(known, source, destination, this.#messageId(index), place) !== undefined;
  }

  /** Whether the message was for that place anyhow, and has arrived there. */
  #isDelivered(index: number, mailbox: string, place: string): boolean {
    const { messages, purpose, destination: name } = this.#intent;
    const { targets = [], events = [] } = messages[index] ?? {};
    const key = `${this.#messageId(index)} ${place}`;
    if (targets.some((target) => placeOf(target) === place)) {
      this.#deliveredHere ??= delivered(readTraces(this.#database, this.#log, this.#id));
      if (this.#deliveredHere.has(key)) return true;
    }
    if (purpose !== "reroute" || this.#isWithdrawn(index, mailbox)) return false;
    const traces = tracesOf(this.#database, this.#log, events[0] ?? 0);
    return delivered(traces.filter(({ destination }) => destination === name)).has(key);
  }

  #isWithdrawn(index: number, mailbox: string): boolean {
    const { source, destination } = this.#route;
    const sql = "SELECT withdrawn FROM rerouted WHERE source = ? AND destination = ? AND message = ? AND mailbox = ?";
    return this.#database.number(sql, source, destination, this.#messageId(index), mailbox) > 0;
  }

  #messageId(index: number): string {
    return this.#intent.messages[index]?.messageId ?? "";
  }
}

/** The copies that went where they were meant to, as Message-ID and place. */
function delivered(traces: ReturnType<typeof readTraces>): Set<string> {
  return new Set(
    traces.flatMap(({ message: { messageId, targets }, results }) =>
      targets.flatMap((target, index) =>
        results[index]?.status === "delivered" ? [`${messageId} ${placeOf(target)}`] : [],
      ),
    ),
  );
}
