export { type JournalOptions, type LocalJournal, openJournal } from "./open-journal.ts";
export type { StateProtection } from "./sealed-state.ts";
export type { StateKeys } from "./state-keys.ts";
