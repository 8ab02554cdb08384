import { folderName, type IntendedTarget, type Intent, type Settlement, type Trace } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import type { Route } from "./intents.ts";
import type { Log } from "./log.ts";
import { readTraces, tracesOf } from "./traces.ts";

/** A mailbox and folder, as sums are kept by. */
export function placeOf({ mailbox, folder }: Pick<IntendedTarget, "mailbox" | "folder">): string {
  return `${mailbox}/${folderName(folder)}`;
}

/** Tells the copies that an intent's settlements name from those that they name again: one that is parked serves several people, and what is tried again may be there. */
export class CountedCopies {
  readonly #database: JournalDatabase;
  readonly #log: Log;
  readonly #route: Route;
  readonly #id: number;
  readonly #intent: Intent;
  readonly #earlier = new Map<number, Trace[]>();
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

  /** Whether the message itself, which counts with the first of its copies, was counted before it was tried again. */
  hasMessage(index: number): boolean {
    return this.#before(index).some(({ results: [first] }) => isStored(first));
  }

  /** Whether a copy of the message is counted at this place already. A parked one is from now on. */
  has(index: number, status: Settlement["result"]["status"], to: Pick<IntendedTarget, "mailbox" | "folder">): boolean {
    if (this.#wasBrought(index, to)) return true;
    if (status !== "redirected")
      return this.#hasAny && to.folder.kind === "inbox" && this.#isParked(index, placeOf(to));
    const place = placeOf(to);
    if (this.#isParked(index, place) || this.#isDelivered(index, to.mailbox, place)) return true;
    const { source, destination } = this.#route;
    this.#database.run("INSERT INTO parked VALUES (?, ?, ?, ?)", source, destination, this.#messageId(index), place);
    this.#hasAny = true;
    return false;
  }

  /** What is tried again after one mailbox refused it is found in the others. */
  #wasBrought(index: number, to: Pick<IntendedTarget, "mailbox" | "folder">): boolean {
    const place = placeOf(to);
    const isBrought = this.#before(index).some(({ message: { targets }, results }) =>
      results.some((result, target) => {
        const at = result.status === "redirected" ? result.to : targets[target];
        return isStored(result) && at !== undefined && placeOf(at) === place;
      }),
    );
    return isBrought && !this.#isWithdrawn(index, to.mailbox);
  }

  /** What earlier intents did with a message that this one tries again. */
  #before(index: number): Trace[] {
    const { purpose, destination: name, messages } = this.#intent;
    if (purpose !== "retry") return [];
    let traces = this.#earlier.get(index);
    if (traces === undefined) {
      traces = tracesOf(this.#database, this.#log, messages[index]?.events[0] ?? 0).filter(
        ({ intent, destination, message: { messageId } }) =>
          intent !== this.#id && destination === name && messageId === this.#messageId(index),
      );
      this.#earlier.set(index, traces);
    }
    return traces;
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

function isStored(result: Settlement["result"] | undefined): boolean {
  return result?.status === "delivered" || result?.status === "redirected";
}

/** The copies that went where they were meant to, as Message-ID and place. */
function delivered(traces: Trace[]): Set<string> {
  return new Set(
    traces.flatMap(({ message: { messageId, targets }, results }) =>
      targets.flatMap((target, index) =>
        results[index]?.status === "delivered" ? [`${messageId} ${placeOf(target)}`] : [],
      ),
    ),
  );
}
