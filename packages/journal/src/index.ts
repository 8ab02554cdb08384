export { openJournal } from "./open-journal.ts";
