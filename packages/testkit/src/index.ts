export { conformance } from "./conformance.ts";
export { type ConformanceCase, conformanceCases } from "./conformance-cases.ts";
export { type JournalPosition, MemoryJournal } from "./memory-journal.ts";
export type {
  ConformanceOptions,
  ConformanceSource,
  RunningServer,
  Settings,
  SourceCopy,
  SourceState,
  Waiver,
} from "./options.ts";
