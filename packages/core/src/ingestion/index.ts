export * from "./destination.ts";
export * from "./folder.ts";
export * from "./journal.ts";
export * from "./mail.ts";
