export { type Fault, type FaultName, Faults } from "./faults.ts";
export {
  type Exchange,
  type IngestionServer,
  type IngestionServerOptions,
  openIngestionServer,
  type Protocol,
  type ServerContext,
} from "./server.ts";
export { EWS_LIMITS, type PaceLimits, ServerPace, VENDOR_LIMITS } from "./server-pace.ts";
export { type Application, type Tenant, Tokens } from "./server-token.ts";
export { type ServeOptions, type Served, serve } from "./server-command.ts";
export type { EwsAccount, EwsOptions } from "./ews.ts";
export { openStore } from "./store.ts";
export { type IdParts, readId, writeId } from "./store-id.ts";
export * from "./store-query.ts";
export * from "./store-types.ts";
