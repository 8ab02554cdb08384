import { Refusal } from "./refusal.ts";

type Kind = "text" | "ts" | "integer" | "flag";

export interface MethodRule {
  /** Which kinds of tokens may ask. */
  tokens: readonly ("bot" | "user" | "organisation" | "app")[];
  scopes?: readonly string[];
  required?: readonly string[];
  parameters: Record<string, Kind>;
  /** How often it may be asked in a minute. */
  perMinute: number;
}

const ORGANISATION = { tokens: ["organisation"], scopes: ["discovery:read"], perMinute: 1200 } as const;
const MEMBER = { tokens: ["bot", "user"] } as const;
const PLACE = { channel: "text", team: "text" } as const;
const WINDOW = { latest: "ts", oldest: "ts", limit: "integer" } as const;
const HISTORY_SCOPES = ["channels:history", "groups:history", "im:history", "mpim:history"];

/** Every method that is served, with what it takes. Whatever is not here is refused. */
export const METHODS: Record<string, MethodRule> = {
  "auth.test": { tokens: ["bot", "user", "organisation"], parameters: {}, perMinute: 600 },
  "users.list": { ...MEMBER, scopes: ["users:read"], parameters: { cursor: "text", limit: "integer" }, perMinute: 20 },
  "conversations.list": {
    ...MEMBER,
    scopes: ["channels:read", "groups:read", "im:read", "mpim:read"],
    parameters: { cursor: "text", limit: "integer", types: "text", exclude_archived: "flag" },
    perMinute: 20,
  },
  "conversations.history": {
    ...MEMBER,
    scopes: HISTORY_SCOPES,
    required: ["channel"],
    parameters: { channel: "text", cursor: "text", inclusive: "flag", ...WINDOW },
    perMinute: 50,
  },
  "conversations.replies": {
    ...MEMBER,
    scopes: HISTORY_SCOPES,
    required: ["channel", "ts"],
    parameters: { channel: "text", ts: "ts", cursor: "text", inclusive: "flag", ...WINDOW },
    perMinute: 50,
  },
  "reactions.get": {
    ...MEMBER,
    scopes: ["reactions:read"],
    required: ["channel", "timestamp"],
    parameters: { channel: "text", timestamp: "ts", full: "flag" },
    perMinute: 50,
  },
  "conversations.members": {
    ...MEMBER,
    scopes: ["channels:read"],
    required: ["channel"],
    parameters: { channel: "text", cursor: "text", limit: "integer" },
    perMinute: 100,
  },
  "files.info": { ...MEMBER, scopes: ["files:read"], required: ["file"], parameters: { file: "text" }, perMinute: 100 },
  "discovery.enterprise.info": {
    ...ORGANISATION,
    parameters: { include_deleted: "flag", limit: "integer", cursor: "text" },
  },
  "discovery.users.list": {
    ...ORGANISATION,
    parameters: { include_deleted: "flag", limit: "integer", offset: "text" },
  },
  "discovery.conversations.list": {
    ...ORGANISATION,
    parameters: {
      team: "text", limit: "integer", offset: "text",
      only_public: "flag", only_private: "flag", only_im: "flag", only_mpim: "flag", only_ext_shared: "flag",
    }, // prettier-ignore
  },
  "discovery.conversations.recent": { ...ORGANISATION, parameters: { latest: "ts", limit: "integer" } },
  "discovery.conversations.info": { ...ORGANISATION, required: ["channel"], parameters: PLACE },
  "discovery.conversations.history": {
    ...ORGANISATION,
    required: ["channel"],
    parameters: { ...PLACE, ...WINDOW, reactions: "flag" },
  },
  "discovery.conversations.edits": { ...ORGANISATION, required: ["channel"], parameters: { ...PLACE, ...WINDOW } },
  "discovery.conversations.renames": { ...ORGANISATION, parameters: { ...PLACE, ...WINDOW } },
  "discovery.conversations.members": {
    ...ORGANISATION,
    required: ["channel"],
    parameters: { ...PLACE, include_member_left: "flag", limit: "integer", offset: "text" },
  },
  "discovery.chat.info": { ...ORGANISATION, required: ["channel", "ts"], parameters: { ...PLACE, ts: "ts" } },
  "discovery.file.info": { ...ORGANISATION, required: ["file"], parameters: { file: "text" } },
  "apps.connections.open": { tokens: ["app"], scopes: ["connections:write"], parameters: {}, perMinute: 20 },
};

const FITS: Record<Kind, RegExp> = {
  text: /^.+$/s,
  ts: /^\d{1,10}(\.\d{1,6})?$/,
  integer: /^[1-9]\d*$/,
  flag: /^([01]|true|false)$/,
};

/** Refuses what the method does not know, or not in that form. */
export function checkParameters({ parameters, required = [] }: MethodRule, form: URLSearchParams): void {
  for (const name of required) if (!form.has(name)) throw new Refusal("invalid_arguments", missing(name));
  for (const [name, value] of form) {
    const kind = parameters[name];
    if (kind === undefined) throw new Refusal("invalid_arguments", unknown(name));
    if (!FITS[kind].test(value)) throw new Refusal("invalid_arguments", unknown(`${name}=${value}`));
  }
  if (Number(form.get("limit") ?? 1) > 1000) throw new Refusal("invalid_limit");
}

function missing(name: string): Record<string, unknown> {
  return { response_metadata: { messages: [`[ERROR] missing required field: ${name}`] } };
}

function unknown(name: string): Record<string, unknown> {
  return { response_metadata: { messages: [`[ERROR] unexpected argument: ${name}`] } };
}
