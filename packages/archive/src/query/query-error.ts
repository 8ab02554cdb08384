import { SettingsError } from "@hansard/core";

/** A query that cannot be understood. It names the place. */
export class QueryError extends SettingsError {
  /** The place in the query, in characters from 0. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(message, { remedy: "Correct the query at that place." });
    this.position = position;
  }
}
