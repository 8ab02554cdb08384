import type { SourceState } from "../connector.ts";
import type { Journal } from "./journal.ts";

/** What a source remembers, kept in the journal. */
export function sourceState(journal: Journal, source: string): SourceState {
  return {
    get: (name) => journal.state(source, name),
    put: (name, value) => journal.setState(source, name, value),
    exclusive: (work) => journal.exclusive(source, work),
  };
}
