import type { Json } from "@hansard/core";
import { FileProblem, readXml, type RepeatedElement, type XmlHandlers } from "@hansard/file-drop";

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

/** Elements that stand in nearly every event and are the same over and over. */
const REPEATED = ["User", "Inviter", "Invitee", "UserInfo", "ConversationID"];

/** Reads a document strictly and hands over the elements that the caller takes, one after another. */
export async function readTrees(content: AsyncIterable<Uint8Array>, handlers: TreeHandlers): Promise<void> {
  const names = new Names();
  const building = new Building();
  const known = new WeakMap<RepeatedElement, Known>();
  const path: string[] = [];

  function open(given: string, attributes: Record<string, string>): void {
    const name = names.same(given);
    const depth = path.length;
    path.push(name);
    if (building.isOpen || handlers.takes(name, depth, path[depth - 1] ?? "")) building.open(attributes);
    else handlers.opened(name, attributes, depth);
  }
  function text(text: string): void {
    if (building.isOpen) building.text(text);
    else if (text.trim() !== "") throw new FileProblem(`Text stands directly within the element ${path.at(-1)}.`);
  }
  function close(): void {
    const name = path.pop() ?? "";
    if (!building.isOpen) return handlers.closed(name, path.length);
    const value = building.close();
    if (building.isOpen) building.add(name, value);
    else handlers.taken(name, value, path.length, path.at(-1) ?? "");
  }
  function element(element: RepeatedElement): void {
    if (!building.isOpen) return replay(element, { open, text, close });
    let made = known.get(element);
    if (!made) known.set(element, (made = { name: names.same(element.name), value: treeOf(element, names) }));
    building.add(made.name, made.value);
  }
  await readXml(content, { open, text, close, repeated: { names: REPEATED, element } });
}

/** What was made of a repeated element the first time. */
interface Known {
  name: string;
  value: Tree | string;
}

type Replayed = Pick<XmlHandlers, "open" | "text" | "close">;

function replay({ events }: RepeatedElement, { open, text, close }: Replayed): void {
  for (const event of events) {
    if (event.kind === "open") open(event.name, event.attributes);
    else if (event.kind === "text") text(event.text);
    else close(event.name);
  }
}

function treeOf(element: RepeatedElement, names: Names): Tree | string {
  const building = new Building();
  let value: Tree | string = "";
  replay(element, {
    open: (_name, attributes) => building.open(attributes),
    text: (text) => building.text(text),
    close(name) {
      value = building.close();
      if (building.isOpen) building.add(names.same(name), value);
    },
  });
  return value;
}

/** An element under construction, and those around it that are too. */
class Building {
  // One for each level, used again and again: a file has millions of elements.
  readonly #levels: { tree: Tree | undefined; text: string }[] = [];
  #open = 0;

  get isOpen(): boolean {
    return this.#open > 0;
  }

  open(attributes: Record<string, string>): void {
    const level = (this.#levels[this.#open] ??= { tree: undefined, text: "" });
    level.tree = attributesOf(attributes);
    level.text = "";
    this.#open += 1;
  }

  text(text: string): void {
    const level = this.#levels[this.#open - 1];
    if (level) level.text = level.text === "" ? text : level.text + text;
  }

  /** Ends the innermost element. */
  close(): Tree | string {
    this.#open -= 1;
    const { tree, text = "" } = this.#levels[this.#open] ?? {};
    if (!tree) return text;
    if (text !== "" && text.trim() !== "") tree["#text"] = text;
    return tree;
  }

  /** Puts an element that has ended into the one around it. */
  add(name: string, value: Tree | string): void {
    const level = this.#levels[this.#open - 1];
    if (!level) return;
    const tree = (level.tree ??= {});
    const before = tree[name];
    if (before === undefined) tree[name] = LISTS.has(name) ? [value] : value;
    else if (Array.isArray(before)) before.push(value);
    else tree[name] = [before, value];
  }
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
