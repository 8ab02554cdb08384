import type { Database } from "./database.ts";

const REMEMBERED = 100_000;

/** Gives texts that come again and again a number each. */
export class Names {
  readonly #database: Database;
  readonly #insert: string;
  readonly #select: string;
  readonly #known = new Map<string, number>();

  constructor(database: Database, table: "class" | "domain" | "person") {
    this.#database = database;
    this.#insert = `INSERT INTO ${table} (name) VALUES (?) ON CONFLICT DO NOTHING`;
    this.#select = `SELECT id FROM ${table} WHERE name = ?`;
  }

  /** Within a transaction: a name that is new is written down. */
  id(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#database.statement(this.#insert).run(name);
    const id = this.#database.number(this.#select, name);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(name, id);
    return id;
  }
}
