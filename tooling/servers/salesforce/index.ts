export { createActivity } from "./activity/create-activity.ts";
export { type Variant } from "./objects.ts";
export { createOrganization, newId, type Organization } from "./organization.ts";
export { createRandom, type Random } from "../../random.ts";
export type { ConnectedApp } from "./sign-in.ts";
export type { Faults } from "./handle.ts";
export { type SalesforceServer, startSalesforce } from "./start-server.ts";
export { fact } from "./truth.ts";
