export type { AliasRule } from "./alias-rules.ts";
export type { DirectoryOptions, ResolveInDirectory } from "./directory.ts";
export type { PeopleFile } from "./people-entry.ts";
export { loadPeopleMap, type PeopleMap, type PeopleMapOptions, type PersonMatch } from "./people-map.ts";
