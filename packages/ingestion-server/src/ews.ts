import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { actingCaller, type Caller, type EwsAccount, signedIn } from "./ews/caller.ts";
import { EwsError, EwsFault, errorMessage, faultAnswer, soapFault } from "./ews/fault.ts";
import { BareHttp, withFaults } from "./ews/faults.ts";
import { OPERATIONS } from "./ews/operations.ts";
import { withinLimits } from "./ews/pace.ts";
import { checkIngestion, ingestionCaller } from "./ews/partner.ts";
import { isOperation, SchemaViolation, validate, validateHeader } from "./ews/schema.ts";
import { child, MESSAGES, type Node, readTree, SOAP, TYPES, text } from "./ews/xml-tree.ts";
import { type Answer, BodyTooLarge, header, NoAnswer, readBody } from "./server-http.ts";
import { EWS_LIMITS, ServerPace } from "./server-pace.ts";
import type { Exchange, Protocol, ServerContext } from "./server.ts";

export type { EwsAccount } from "./ews/caller.ts";

export interface EwsOptions {
  /** Who may sign in by name and password. Applications sign in by token and need the permission `full_access_as_app`. */
  accounts?: EwsAccount[];
  /** The third-party data mailbox, for which the ingestion service acts. Absent: the server has no such service. */
  thirdPartyMailbox?: string;
  /** The largest request, in bytes. Absent: 64 MB, as an Exchange Server has it. */
  requestBytes?: number;
  /** The largest message, in bytes. Absent: 36 MB, as Exchange Online has it. */
  messageBytes?: number;
  /** Whether the organization has switched EWS off, as Exchange Online has it by default. */
  isBlocked?: boolean;
  /** Absent: 27 requests at once for each account, or each mailbox that is acted as. */
  pace?: ServerPace;
}

const REQUEST_BYTES = 64 * 1024 * 1024;
const MESSAGE_BYTES = 36 * 1024 * 1024;
const EWS_PATH = /^\/ews\/exchange\.asmx$/i;
const INGESTION_PATH = /^\/service\/thirdpartyingestionservice\.svc$/i;
const VERSIONS = /^Exchange(2007(_SP1)?|2010(_SP[12])?|2013(_SP1)?|2016|V2017.*|2019|2015.*)$|^V\d{4}_\d\d_\d\d$/;

/** The parts of Exchange Web Services that archiving and ordinary EWS clients use, and the partner ingestion service. */
export function ewsProtocol(context: ServerContext, given: EwsOptions = {}): Protocol {
  const options = { pace: new ServerPace(EWS_LIMITS), ...given };
  return {
    answer(exchange) {
      const { pathname } = exchange.url;
      const isIngestion = INGESTION_PATH.test(pathname) && options.thirdPartyMailbox !== undefined;
      if (!isIngestion && !EWS_PATH.test(pathname)) return undefined;
      return answerHttp(context, options, exchange, isIngestion);
    },
  };
}

type EwsSetup = EwsOptions & { pace: ServerPace };

async function answerHttp(
  context: ServerContext,
  options: EwsSetup,
  exchange: Exchange,
  isIngestion: boolean,
): Promise<Answer> {
  const { request, requestId } = exchange;
  const headers = headersOf(request, requestId, isIngestion);
  const body = await readBody(request, options.requestBytes ?? REQUEST_BYTES).catch((error: unknown) => error);
  if (request.method !== "POST") return { status: 405, headers: { ...headers, allow: "POST" }, body: "" };
  const authorization = header(request, "authorization");
  if (options.isBlocked === true && !isIngestion) return { status: 403, headers, body: "" };
  const caller = signedIn(context, options.accounts ?? [], authorization);
  if (caller === undefined) return { status: 401, headers: { ...headers, ...challenge(authorization) }, body: "" };
  const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (
    token !== undefined &&
    context.faults.strike("token-expired", { isWrite: true }) &&
    context.tokens.expire(token)
  ) {
    return { status: 401, headers: { ...headers, ...challenge(authorization) }, body: "" };
  }
  if (body instanceof BodyTooLarge) return { status: 413, headers, body: "" };
  if (!(body instanceof Buffer)) throw new NoAnswer("reset");
  if (!/^text\/xml\b/i.test(header(request, "content-type") ?? "")) return { status: 415, headers, body: "" };
  const answer = await answerSoap({ context, options, body, signedIn: caller, requestId, isIngestion });
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

interface SoapRequest {
  context: ServerContext;
  options: EwsSetup;
  body: Buffer;
  signedIn: NonNullable<ReturnType<typeof signedIn>>;
  requestId: string;
  isIngestion: boolean;
}

async function answerSoap(soap: SoapRequest): Promise<Answer> {
  try {
    const envelope = readTree(soap.body.toString("utf8"));
    const { header, operation } = partsOf(envelope);
    validateHeader(header);
    checkVersion(header);
    validate(operation);
    const { context, options, signedIn } = soap;
    const caller = soap.isIngestion
      ? ingestionCaller(context, signedIn, options.thirdPartyMailbox ?? "")
      : actingCaller(context, signedIn, header);
    return await withinLimits(options.pace, caller, soap.body.length, () => answerOperation(soap, operation, caller));
  } catch (error) {
    if (error instanceof BareHttp) return error.answer;
    if (error instanceof SchemaViolation) return faultAnswer(violation(error));
    if (error instanceof EwsFault) return faultAnswer(error);
    if (error instanceof EwsError || error instanceof NoAnswer) throw error;
    if (error instanceof Error && error.name === "MalformedXml") return malformed(error.message);
    throw error;
  }
}

async function answerOperation(soap: SoapRequest, operation: Node, caller: Caller): Promise<Answer> {
  const { context, options, requestId, isIngestion } = soap;
  const known = OPERATIONS[operation.name];
  if (!known) throw new EwsFault("ErrorInvalidRequest", `The request ${operation.name} is not known here.`);
  if (isIngestion && operation.name === "CreateItem") {
    const refused = await checkIngestion(context, operation);
    if (refused) return refused;
  }
  const mailbox = caller.acting?.address ?? text(find(operation, "Mailbox"), "EmailAddress")?.toLowerCase();
  const place = { isWrite: known.isWrite, ...(mailbox !== undefined && { mailbox }) };
  return withFaults(context, place, async (visibleAt, failing) => {
    const call = {
      context,
      caller,
      operation,
      requestId,
      messageBytes: options.messageBytes ?? MESSAGE_BYTES,
      ...(visibleAt && { visibleAt }),
      ...(isIngestion && options.thirdPartyMailbox !== undefined && { ingestionFor: options.thirdPartyMailbox }),
    };
    const messages = failing ? allFailing(operation, known.items, failing) : await known.answer(call);
    return soapAnswer(operation.name, messages);
  });
}

/** The first item meets the error, and the batch stops. */
function allFailing(operation: Node, items: string, failing: EwsError): string {
  const count = Math.max(1, child(operation, items)?.children.length ?? 1);
  const stopped = new EwsError(
    "ErrorBatchProcessingStopped",
    "The batch processing was stopped because of an earlier error.",
  );
  return Array.from({ length: count }, (_, index) =>
    errorMessage(operation.name, index === 0 ? failing : stopped),
  ).join("");
}

function soapAnswer(operation: string, messages: string): Answer {
  const body =
    `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="${SOAP}"><s:Header><h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" MinorBuildNumber="4" Version="V2017_07_11" xmlns:h="${TYPES}" xmlns="${TYPES}"/></s:Header>` +
    `<s:Body><m:${operation}Response xmlns:m="${MESSAGES}" xmlns:t="${TYPES}"><m:ResponseMessages>${messages}</m:ResponseMessages></m:${operation}Response></s:Body></s:Envelope>`;
  return { status: 200, headers: { "content-type": "text/xml; charset=utf-8" }, body };
}

function partsOf(envelope: Node): { header: Node | undefined; operation: Node } {
  if (envelope.name !== "Envelope" || envelope.namespace !== SOAP)
    throw new EwsFault("ErrorInvalidRequest", "The request is not a SOAP 1.1 envelope.");
  const parts = envelope.children.map(({ name, namespace }) => (namespace === SOAP ? name : "other")).join(" ");
  if (parts !== "Body" && parts !== "Header Body")
    throw new EwsFault("ErrorInvalidRequest", "The SOAP envelope must hold a header, if any, and then one body.");
  const [operation, ...more] = child(envelope, "Body")?.children ?? [];
  if (!operation || more.length > 0)
    throw new EwsFault("ErrorInvalidRequest", "The SOAP body must hold one operation.");
  if (!isOperation(operation))
    throw new EwsFault("ErrorInvalidRequest", `The request ${operation.name} is not known here.`);
  return { header: child(envelope, "Header"), operation };
}

function checkVersion(header: Node | undefined): void {
  const version = child(header, "RequestServerVersion")?.attributes["Version"];
  if (version !== undefined && !VERSIONS.test(version))
    throw new EwsFault("ErrorInvalidServerVersion", "The specified server version is invalid.");
}

function violation({ message, line, position }: SchemaViolation): EwsFault {
  return new EwsFault("ErrorSchemaValidation", `The request failed schema validation: ${message}`, {
    LineNumber: String(line),
    LinePosition: String(position),
    Violation: message,
  });
}

function malformed(message: string): Answer {
  return soapFault(
    `<faultcode>s:Client</faultcode><faultstring xml:lang="en-US">The request is not well-formed XML: ${message.replace(/[<&]/g, "?")}</faultstring>`,
  );
}

function headersOf(request: IncomingMessage, requestId: string, isIngestion: boolean): Record<string, string> {
  const clientRequestId = header(request, "client-request-id");
  const isReturned = header(request, "return-client-request-id") === "true" && clientRequestId !== undefined;
  const headers = { "request-id": requestId, ...(isReturned && { "client-request-id": clientRequestId }) };
  if (!isIngestion) return headers;
  return {
    ...headers,
    server: "Microsoft-IIS/8.5",
    "x-ingestioncorrelationid": randomUUID(),
    "x-aspnet-version": "4.0.30319",
    "x-powered-by": "ASP.NET",
  };
}

/** What a request without good credentials is told. A token that was good once is told so. */
function challenge(authorization: string | undefined): Record<string, string> {
  const basic = { "www-authenticate": 'Basic realm="ews", Bearer' };
  if (!/^Bearer /i.test(authorization ?? "")) return basic;
  return {
    ...basic,
    "x-ms-diagnostics": '2000002;reason="The token has expired or is not valid.";error_category="token_expired"',
  };
}

function find(node: Node, name: string): Node | undefined {
  for (const candidate of node.children) {
    const found = candidate.name === name ? candidate : find(candidate, name);
    if (found) return found;
  }
  return undefined;
}
