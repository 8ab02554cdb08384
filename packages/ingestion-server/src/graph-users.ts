import type { GraphRequest } from "./graph.ts";
import { badRequest, GraphError } from "./graph-error.ts";
import { type Filter, parseFilter } from "./graph-filter.ts";
import { userJson, type View } from "./graph-output.ts";
import type { Answer } from "./server-http.ts";
import type { ServerContext } from "./server.ts";
import type { Mailbox } from "./store-types.ts";

const READERS = ["User.Read.All", "User.ReadBasic.All", "User.ReadWrite.All", "Directory.Read.All"];
/** Properties that only an advanced query may filter by. */
const ADVANCED = ["employeeid"];
const PAGE = 100;

/** `GET /users` and `GET /users/{id}`. */
export async function answerUsers(
  { store }: ServerContext,
  asked: GraphRequest,
  name: string | undefined,
): Promise<Answer> {
  const { method, query, caller, headers } = asked;
  if (method !== "GET") throw badRequest("BadRequest", "Users are read only.");
  if (!READERS.some((permission) => caller.application.permissions.includes(permission))) {
    throw new GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
  }
  const select = query
    .get("$select")
    ?.split(",")
    .map((part) => part.trim());
  const view: View = { isImmutable: true, select, expand: undefined };
  if (name !== undefined) return { status: 200, json: userJson(oneUser(store.mailboxes(), name), view) };
  const filter = query.get("$filter");
  const isAdvanced = headers["consistencylevel"] === "eventual" && query.get("$count") === "true";
  const predicate = filter === null ? () => true : userPredicate(parseFilter(filter), isAdvanced);
  const top = Number(query.get("$top") ?? PAGE);
  return {
    status: 200,
    json: {
      value: store
        .mailboxes()
        .filter(predicate)
        .slice(0, top)
        .map((mailbox) => userJson(mailbox, view)),
    },
  };
}

function oneUser(mailboxes: Mailbox[], name: string): Mailbox {
  const wanted = name.toLowerCase();
  const mailbox = mailboxes.find(
    ({ objectId, userPrincipalName }) => objectId === wanted || userPrincipalName.toLowerCase() === wanted,
  );
  if (mailbox !== undefined) return mailbox;
  throw new GraphError(
    404,
    "Request_ResourceNotFound",
    `Resource '${name}' does not exist or one of its queried reference-property objects are not present.`,
  );
}

function userPredicate(filter: Filter, isAdvanced: boolean): (mailbox: Mailbox) => boolean {
  if ("and" in filter) return every(filter.and.map((part) => userPredicate(part, isAdvanced)));
  if ("or" in filter) return some(filter.or.map((part) => userPredicate(part, isAdvanced)));
  if ("not" in filter) {
    const inner = userPredicate(filter.not, isAdvanced);
    return (mailbox) => !inner(mailbox);
  }
  if ("any" in filter) return anyPredicate(filter);
  const path = filter.path.toLowerCase();
  const value = String(filter.value).toLowerCase();
  if (ADVANCED.includes(path) && !isAdvanced) {
    throw new GraphError(
      400,
      "Request_UnsupportedQuery",
      `Unsupported or invalid query filter clause specified for property '${filter.path}' of resource 'User'.`,
    );
  }
  const read = reader(path);
  if (filter.is === "startsWith") return (mailbox) => read(mailbox).toLowerCase().startsWith(value);
  if (filter.is === "eq") return (mailbox) => read(mailbox) !== "" && read(mailbox).toLowerCase() === value;
  throw badRequest("Request_UnsupportedQuery", `Unsupported operator '${filter.is}'.`);
}

function anyPredicate({ any, variable, body }: Extract<Filter, { any: string }>): (mailbox: Mailbox) => boolean {
  if (any.toLowerCase() !== "proxyaddresses" || !("path" in body) || body.path !== variable || body.is !== "eq") {
    throw badRequest("Request_UnsupportedQuery", "Unsupported lambda expression.");
  }
  const wanted = String(body.value).toLowerCase();
  return ({ address, proxyAddresses }) =>
    [address, ...proxyAddresses].some((proxy) => `smtp:${proxy.replace(/^smtp:/i, "")}`.toLowerCase() === wanted);
}

function reader(path: string): (mailbox: Mailbox) => string {
  if (path === "mail") return ({ address, hasMailbox }) => (hasMailbox ? address : "");
  if (path === "userprincipalname") return ({ userPrincipalName }) => userPrincipalName;
  if (path === "id") return ({ objectId }) => objectId;
  if (path === "employeeid") return ({ employeeId }) => employeeId;
  if (path === "displayname") return ({ displayName }) => displayName;
  throw badRequest(
    "Request_UnsupportedQuery",
    `Unsupported or invalid query filter clause specified for property '${path}' of resource 'User'.`,
  );
}

function every(parts: ((mailbox: Mailbox) => boolean)[]): (mailbox: Mailbox) => boolean {
  return (mailbox) => parts.every((part) => part(mailbox));
}

function some(parts: ((mailbox: Mailbox) => boolean)[]): (mailbox: Mailbox) => boolean {
  return (mailbox) => parts.some((part) => part(mailbox));
}
