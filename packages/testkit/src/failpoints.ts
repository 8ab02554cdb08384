import type { Destination, Journal } from "@hansard/core/ingestion";

/** What leaves the disk as it is. Everything else may write. */
const READ_ONLY = new Set([
  "position",
  "captured",
  "state",
  "take",
  "events",
  "closedGroups",
  "openIntents",
  "rerouted",
  "find",
  "read",
  "check",
]);

/** The process is gone. */
export class Crash extends Error {}

/** Counts the steps of a run, and ends it at one of them. From then on every step fails, as nothing runs after a crash. */
export class Failpoints {
  /** Every step that was reached, such as `before append`. */
  readonly steps: string[] = [];
  /**
   * Of each step, the state in which a crash there leaves the world: how many writes had ended, and how often the source
   * had been asked for something that may change it. Steps of the same state need but one crash.
   */
  readonly states: string[] = [];
  #writes = 0;
  readonly #crashAt: number;
  readonly #onCrash: () => void;
  readonly #asked: () => number;
  #crashed = false;

  constructor({
    crashAt = Infinity,
    onCrash = () => undefined,
    asked,
  }: {
    crashAt?: number;
    onCrash?: () => void;
    asked: () => number;
  }) {
    this.#crashAt = crashAt;
    this.#onCrash = onCrash;
    this.#asked = asked;
  }

  get crashed(): boolean {
    return this.#crashed;
  }

  step(name: string): void {
    if (this.#crashed) throw new Crash("The process has crashed already.");
    const [when, method = ""] = name.split(" ");
    if (when === "after" && !READ_ONLY.has(method)) this.#writes += 1;
    this.steps.push(name);
    this.states.push(`${this.#writes} ${this.#asked()}`);
    if (this.steps.length !== this.#crashAt) return;
    this.#crashed = true;
    this.#onCrash();
    throw new Crash(`Crashed ${name}.`);
  }
}

/** A step before and one after each call. */
export function withFailpoints<Subject extends Journal | Destination>(
  subject: Subject,
  failpoints: Failpoints,
): Subject {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name === "blobs") return withBlobFailpoints(member as Journal["blobs"], failpoints);
      if (typeof member !== "function") return member;
      const method: Method = (...values) => Reflect.apply(member, target, values);
      return name === "close" ? method : stepped(String(name), method, failpoints);
    },
  });
}

/** The same object, with one of its methods replaced. */
export function overriding<Subject extends object>(subject: Subject, methods: Partial<Subject>): Subject {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
      return typeof member === "function" ? (...values: unknown[]) => Reflect.apply(member, target, values) : member;
    },
  });
}

type Method = (...values: unknown[]) => unknown;

function withBlobFailpoints(blobs: Journal["blobs"], failpoints: Failpoints): Journal["blobs"] {
  return {
    async put(content, options) {
      failpoints.step("before blobs.put");
      const blob = await blobs.put(content, options);
      failpoints.step("after blobs.put");
      return blob;
    },
    read: (blob) => blobs.read(blob),
    ...(blobs.path && { path: blobs.path.bind(blobs) }),
  };
}

function stepped(name: string, method: Method, failpoints: Failpoints): Method {
  return (...values) => {
    failpoints.step(`before ${name}`);
    const result = method(...values);
    if (!(result instanceof Promise)) return result;
    return result.then((value: unknown) => {
      failpoints.step(`after ${name}`);
      return value;
    });
  };
}
