export { openStore } from "./store.ts";
export { type IdParts, readId, writeId } from "./store-id.ts";
export * from "./store-types.ts";
