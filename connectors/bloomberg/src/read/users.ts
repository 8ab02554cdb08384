import type { Json } from "@hansard/core";
import { ChatUser } from "../schema.ts";
import type { Tree } from "./tree.ts";

const USERS_REMEMBERED = 50_000;

/** A person as the source gave them, and as far as they could be read. */
export interface KnownUser {
  tree: Tree;
  user: ChatUser | undefined;
}

/** The people of one file, each once: nearly half of a chat file is the same people over and over. */
export class Users {
  readonly #users: KnownUser[] = [];
  readonly #numbers = new Map<string, number>();
  /** Trees that were met before: the reader hands over the same one for the same text. */
  readonly #met = new WeakMap<Tree, number>();

  /** A number for a person whose every field is the same, or the person where there are too many. */
  intern(tree: Tree): number | Tree {
    const met = this.#met.get(tree);
    if (met !== undefined) return met;
    const number = this.#number(tree);
    if (typeof number === "number") this.#met.set(tree, number);
    return number;
  }

  #number(tree: Tree): number | Tree {
    const login = tree["LoginName"];
    if (typeof login !== "string") return tree;
    const number = this.#numbers.get(login);
    const known = number === undefined ? undefined : this.#users[number];
    if (number !== undefined && known && areSame(known.tree, tree)) return number;
    if (this.#users.length >= USERS_REMEMBERED) return tree;
    const own = detached(tree);
    this.#users.push(knownUser(own));
    this.#numbers.set(detached(login), this.#users.length - 1);
    return this.#users.length - 1;
  }

  /** The person that stands in a record, by number or in full. */
  find(value: Json | undefined): KnownUser | undefined {
    if (typeof value === "number") return this.#users[value];
    return typeof value === "object" && value !== null && !Array.isArray(value) ? knownUser(value) : undefined;
  }
}

function knownUser(tree: Tree): KnownUser {
  return { tree, user: ChatUser.safeParse(tree).data };
}

function areSame(one: Tree, other: Tree): boolean {
  let fields = 0;
  for (const name in one) {
    if (typeof one[name] !== "string" || one[name] !== other[name]) return false;
    fields += 1;
  }
  return fields === Object.keys(other).length;
}

/** Texts that were cut out of a file keep all that surrounded them alive; what stays for long is copied. */
export function detached<Value extends Json>(value: Value): Value {
  return JSON.parse(JSON.stringify(value));
}
