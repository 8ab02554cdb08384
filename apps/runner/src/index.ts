export { configurationSchema } from "./config/json-schema.ts";
export { Installation } from "./installation.ts";
export { perform } from "./perform.ts";
