import { inspect } from "node:util";

/**
 * A credential. It prints as `[secret]` wherever it is logged, inspected, interpolated or turned into JSON; only
 * `reveal()` gives the value. A setting is marked as a secret by the JSON Schema keyword `secret: true`, in zod:
 * `z.string().meta({ secret: true }).transform((value) => new Secret(value))`.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The credential itself. Call it at the last moment, and keep no copy. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
