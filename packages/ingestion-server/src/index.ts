export { type Fault, type FaultName, Faults } from "./faults.ts";
export {
  type Exchange,
  type IngestionServer,
  type IngestionServerOptions,
  openIngestionServer,
  type Protocol,
  type ServerContext,
} from "./server.ts";
export { type PaceLimits, ServerPace, VENDOR_LIMITS } from "./server-pace.ts";
export { type Application, type Tenant, Tokens } from "./server-token.ts";
export { openStore } from "./store.ts";
export { type IdParts, readId, writeId } from "./store-id.ts";
export * from "./store-types.ts";
