export * from "./destination.ts";
export * from "./journal.ts";
export * from "./mail.ts";
