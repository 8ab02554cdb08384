import type { Json } from "@hansard/core";
import { FileProblem, readXml } from "@hansard/file-drop";

/** An element as JSON: attributes under `@name`, elements under their names, text that stands beside elements under `#text`. */
export type Tree = { [name: string]: Json };

export interface TreeHandlers {
  /** Whether the element is handed over whole when it ends. Otherwise its children are asked about. */
  takes(name: string, depth: number, parent: string): boolean;
  taken(name: string, value: Tree | string, depth: number, parent: string): void;
  /** An element that is not taken begins or ends. */
  opened(name: string, attributes: Record<string, string>, depth: number): void;
  closed(name: string, depth: number): void;
}

/** The field of an event's data that names its element. No element or attribute can have that name. */
export const ELEMENT = "#element";

/** Elements that may repeat are lists even when there is one, so that their shape does not depend on their number. */
const LISTS = new Set(["Recipient", "Attachment", "Disclaimer", "ForwardedTo", "ForwardedBy"]);

interface Open {
  tree: Tree | undefined;
  text: string;
}

/** Reads a document strictly and hands over the elements that the caller takes, one after another. */
export async function readTrees(content: AsyncIterable<Uint8Array>, handlers: TreeHandlers): Promise<void> {
  const names = new Names();
  const path: string[] = [];
  // One for each level, used again and again: a file has millions of elements.
  const levels: Open[] = [];
  let open = 0;
  await readXml(content, {
    open(given, attributes) {
      const name = names.same(given);
      const depth = path.length;
      const isTaken = open > 0 || handlers.takes(name, depth, path[depth - 1] ?? "");
      path.push(name);
      if (!isTaken) return handlers.opened(name, attributes, depth);
      const level = (levels[open] ??= { tree: undefined, text: "" });
      level.tree = attributesOf(attributes);
      level.text = "";
      open += 1;
    },
    text(text) {
      const level = open === 0 ? undefined : levels[open - 1];
      if (level) level.text = level.text === "" ? text : level.text + text;
      else if (text.trim() !== "") throw new FileProblem(`Text stands directly within the element ${path.at(-1)}.`);
    },
    close() {
      const name = path.pop() ?? "";
      const level = open === 0 ? undefined : levels[open - 1];
      if (!level) return handlers.closed(name, path.length);
      open -= 1;
      const value = finish(level);
      const parent = open === 0 ? undefined : levels[open - 1];
      if (parent) return add((parent.tree ??= {}), name, value);
      handlers.taken(name, value, path.length, path.at(-1) ?? "");
    },
  });
}

/**
 * The parser makes a new text for each name. Fields are found much faster by one that was used before, and which name
 * comes next is nearly always the one that came next the last time.
 */
class Names {
  readonly #known = new Map<string, Name>();
  #last: Name = { name: "", next: undefined };

  same(given: string): string {
    const { next } = this.#last;
    if (next?.name === given) {
      this.#last = next;
      return next.name;
    }
    const known = this.#known.get(given) ?? this.#remember(given);
    this.#last.next = known;
    this.#last = known;
    return known.name;
  }

  #remember(given: string): Name {
    // Through JSON, so that the name does not keep alive the text that it was cut from. One that every object has,
    // such as `__proto__`, would not become a field of its own.
    const name: string = JSON.parse(JSON.stringify(given in {} ? `${given}#` : given));
    const known: Name = { name, next: undefined };
    if (this.#known.size < NAMES_REMEMBERED) this.#known.set(known.name.replace(/#$/, ""), known);
    return known;
  }
}

interface Name {
  name: string;
  next: Name | undefined;
}

const NAMES_REMEMBERED = 10_000;

function attributesOf(attributes: Record<string, string>): Tree | undefined {
  let tree: Tree | undefined;
  for (const name in attributes) (tree ??= {})[`@${name}`] = attributes[name] ?? "";
  return tree;
}

function finish({ tree, text }: Open): Tree | string {
  if (!tree) return text;
  if (text !== "" && text.trim() !== "") tree["#text"] = text;
  return tree;
}

function add(tree: Tree, name: string, value: Tree | string): void {
  const before = tree[name];
  if (before === undefined) tree[name] = LISTS.has(name) ? [value] : value;
  else if (Array.isArray(before)) before.push(value);
  else tree[name] = [before, value];
}
