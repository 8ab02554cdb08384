import type { GraphRequest } from "./graph.ts";
import { answerAttachments } from "./graph-attachments.ts";
import { accessDenied, badRequest, BareAnswer, GraphError } from "./graph-error.ts";
import { answerFolders } from "./graph-folders.ts";
import { answerMessages } from "./graph-messages.ts";
import type { View } from "./graph-output.ts";
import type { UploadSessions } from "./graph-upload.ts";
import { answerUsers } from "./graph-users.ts";
import type { FaultPlace } from "./faults.ts";
import { type Answer, NoAnswer } from "./server-http.ts";
import type { ServerContext } from "./server.ts";
import type { Mailbox, StoredFolder, StoredItem } from "./store-types.ts";

/** What a request within a mailbox works with. */
export interface MailboxRequest {
  context: ServerContext;
  asked: GraphRequest;
  mailbox: Mailbox;
  view: View;
  uploads: UploadSessions;
  /** When searches begin to find what this request makes. */
  visibleAt?: Date;
}

/** Where a path leads within a mailbox. */
export interface Place {
  folder?: StoredFolder;
  item?: StoredItem;
  rest: string[];
}

const HOLD_MS = 120_000;

export async function answerGraph(
  context: ServerContext,
  uploads: UploadSessions,
  asked: GraphRequest,
): Promise<Answer> {
  const [root, name, ...rest] = asked.path;
  if (root === "organization") return { status: 200, json: { value: [{ id: "tenant", displayName: "Local tenant" }] } };
  if (root !== "users") throw badRequest("BadRequest", `Resource not found for the segment '${root ?? ""}'.`);
  if (name === undefined || rest.length === 0)
    return inPages(context, asked, { isWrite: false }, await answerUsers(context, asked, name));
  const mailbox = mailboxOf(context, asked, name);
  const isWrite = asked.method !== "GET";
  const pass = context.pace.enter(asked.caller.application.clientId, mailbox.address, isWrite ? asked.bodyBytes : 0);
  if ("limit" in pass) {
    throw new GraphError(
      429,
      "ApplicationThrottled",
      `Application is over its ${pass.limit} limit.`,
      pass.retryAfterSeconds,
    );
  }
  try {
    const place = { mailbox: mailbox.address, isWrite };
    const answer = await withFaults(context, place, (visibleAt) =>
      answerWithin(
        { context, asked, mailbox, uploads, view: viewOf(asked), ...(visibleAt !== undefined && { visibleAt }) },
        rest,
      ),
    );
    return inPages(context, asked, place, answer);
  } finally {
    pass.leave();
  }
}

/** Graph may say nothing on a list's first page but where the next one is. */
function inPages({ faults, url }: ServerContext, asked: GraphRequest, place: FaultPlace, answer: Answer): Answer {
  const isList = typeof answer.json === "object" && answer.json !== null && "value" in answer.json;
  if (!isList || !faults.strike("empty-page", place)) return answer;
  const query = new URLSearchParams(asked.query);
  query.set("$skiptoken", asked.requestId);
  const next = `${url()}/v1.0/${asked.path.map(encodeURIComponent).join("/")}?${query.toString()}`;
  return { ...answer, json: { value: [], "@odata.nextLink": next } };
}

async function answerWithin(request: MailboxRequest, path: string[]): Promise<Answer> {
  const [section, ...rest] = path;
  if (section === "mailFolders" || section === "mailfolders") return answerFolders(request, rest);
  if (section === "messages") return answerMessages(request, { rest });
  throw badRequest("BadRequest", `Resource not found for the segment '${section ?? ""}'.`);
}

/** Sends what stands below a message to its attachments. */
export function answerBelowMessage(request: MailboxRequest, item: StoredItem, rest: string[]): Promise<Answer> {
  return answerAttachments(request, item, rest);
}

/** The order of the checks is Graph's: is there such a user, has it a mailbox, may the application touch it. */
function mailboxOf({ store }: ServerContext, { caller, method }: GraphRequest, name: string): Mailbox {
  const { permissions, mailboxes } = caller.application;
  const needed = method === "GET" ? ["Mail.Read", "Mail.ReadWrite"] : ["Mail.ReadWrite"];
  if (!needed.some((permission) => permissions.includes(permission))) throw accessDenied();
  const mailbox = store.mailbox(name);
  if (mailbox === undefined) throw new GraphError(404, "ErrorInvalidUser", `The requested user '${name}' is invalid.`);
  if (!mailbox.hasMailbox) {
    throw new GraphError(
      404,
      "MailboxNotEnabledForRESTAPI",
      "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    );
  }
  if (mailboxes !== undefined && !mailboxes.includes(mailbox.address)) throw accessDenied();
  return mailbox;
}

/** Lets the faults that are switched on strike, before the work and after it. */
export async function withFaults(
  context: ServerContext,
  place: FaultPlace,
  work: (visibleAt: Date | undefined) => Promise<Answer>,
): Promise<Answer> {
  const { faults } = context;
  if (faults.strike("token-refused", place)) throw new GraphError(401, "UnknownError", "");
  const throttled = faults.strike("throttled", place);
  if (throttled)
    throw new GraphError(
      429,
      "ApplicationThrottled",
      "Application is over its MailboxConcurrency limit.",
      Math.ceil((throttled.ms ?? 1000) / 1000),
    );
  const bare = faults.strike("throttled-without-body", place);
  if (bare)
    throw new BareAnswer({ status: 429, headers: { "retry-after": String(Math.ceil((bare.ms ?? 1000) / 1000)) } });
  if (faults.strike("throttled-without-retry-after", place))
    throw new GraphError(429, "TooManyRequests", "Please retry again later.");
  if (faults.strike("unavailable", place))
    throw new GraphError(503, "ErrorServerBusy", "The server cannot service this request right now. Try again later.");
  if (faults.strike("unavailable-without-body", place)) throw new BareAnswer({ status: 503 });
  if (faults.strike("mailbox-moving", place))
    throw new GraphError(503, "ErrorMailboxMoveInProgress", "The mailbox is currently being moved. Try again later.");
  if (faults.strike("reset-before-commit", place)) throw new NoAnswer("reset");
  const silent = faults.strike("timeout-before-commit", place);
  if (silent) return silence(silent.ms);
  const lag = place.isWrite ? faults.strike("search-lag", place) : undefined;
  const visibleAt = lag && new Date(Date.now() + (lag.ms ?? 1000));
  const late = place.isWrite ? faults.strike("late-commit", place) : undefined;
  if (late) {
    setTimeout(() => void work(visibleAt).catch(() => undefined), late.ms ?? 1000).unref();
    throw new GraphError(504, "GatewayTimeout", "The server did not respond in time.");
  }
  const answer = await work(visibleAt);
  if (faults.strike("reset-after-commit", place)) throw new NoAnswer("reset");
  const lost = faults.strike("timeout-after-commit", place);
  return lost ? silence(lost.ms) : answer;
}

/** Says nothing until the client has given up, and then tears the connection. */
function silence(ms = HOLD_MS): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new NoAnswer("reset")), ms).unref());
}

function viewOf({ headers, query }: GraphRequest): View {
  const prefer = headers["prefer"] ?? "";
  const select = query
    .get("$select")
    ?.split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return { isImmutable: /IdType\s*=\s*"ImmutableId"/i.test(prefer), select, expand: query.get("$expand") ?? undefined };
}
