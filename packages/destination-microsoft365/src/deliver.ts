import { isHansardError } from "@hansard/core";
import type { Delivery, DestinationContext, Holds, Receipt } from "@hansard/core/ingestion";
import { z } from "zod";
import { wholeContent } from "./content.ts";
import { type Failure, GraphFailure } from "./failure.ts";
import { fitBody } from "./fit-body.ts";
import type { Folders } from "./folders.ts";
import type { GraphAnswer, GraphClient } from "./graph-client.ts";
import { attachmentPayload, payloadOf } from "./payload.ts";
import { isWhole, type Plan, planAttachments } from "./plan.ts";
import type { Settings } from "./settings.ts";
import { missingAttachments } from "./stored.ts";
import { uploadAttachment } from "./upload.ts";

/** What the work on deliveries needs. */
export interface Work {
  client: GraphClient;
  folders: Folders;
  holds: Holds;
  context: DestinationContext<Settings>;
}

/** Where a delivery stands: done, or complete in the staging folder and to be purged. */
export type Written = { receipt: Receipt } | { staged: Receipt };

export const MessageItem = z.object({ id: z.string() });

/** Writes a message complete, in one request where it fits, else in the hidden staging folder from which it is then moved. */
export async function write(original: Delivery, work: Work, signal: AbortSignal): Promise<Written> {
  const delivery = fitBody(original);
  const { folder, mailbox } = delivery;
  const payload = payloadOf(delivery, work.context.settings);
  const bare = JSON.stringify(payload);
  const plan = planAttachments(delivery.message, Buffer.byteLength(bare));
  const json = plan.inline.length === 0 ? bare : JSON.stringify({ ...payload, attachments: await inlined(plan, work) });
  if (folder.kind !== "purges" && isWhole(plan)) return { receipt: await create(json, delivery, work, signal) };
  const { folders } = work;
  const staged = await folders.again(mailbox, async () =>
    post(json, mailbox, await folders.staging(mailbox, signal), work, signal),
  );
  try {
    if (!isWhole(plan)) await complete(staged.itemId, plan, delivery, work, signal);
    return folder.kind === "purges" ? { staged } : { receipt: await moveFromStaging(staged, delivery, work, signal) };
  } catch (error) {
    throw afterStaging(error);
  }
}

/** Moves a complete message to its folder. Its immutable id stays. */
export async function moveFromStaging(
  staged: Receipt,
  delivery: Delivery,
  { client, folders }: Work,
  signal: AbortSignal,
): Promise<Receipt> {
  const { mailbox, folder } = delivery;
  const destinationId = await folders.target(mailbox, folder, signal);
  const path = `${userPath(mailbox)}/messages/${staged.itemId}/move`;
  const answer = await client.call({ method: "POST", path, mailbox, json: JSON.stringify({ destinationId }) }, signal);
  return receiptOf(answer);
}

export function userPath(mailbox: string): string {
  return `/users/${encodeURIComponent(mailbox)}`;
}

/** What a good answer says was stored. One that does not say is ambiguous. */
export function receiptOf(answer: GraphAnswer): Receipt {
  const correlationId = correlationOf(answer);
  const item = MessageItem.safeParse(answer.json);
  if (item.success) return { itemId: item.data.id, correlationId };
  const { status } = answer;
  const reason = `Graph answered ${status} without the id of what it stored (${correlationId}).`;
  throw new GraphFailure({ kind: "unknown", reason, status, code: "", correlationId });
}

/** Microsoft's id of the request and ours: either finds it in the other's logs. */
export function correlationOf({
  requestId,
  clientRequestId,
}: Pick<GraphAnswer, "requestId" | "clientRequestId">): string {
  return `${requestId}/${clientRequestId}`;
}

async function create(json: string, { mailbox, folder }: Delivery, work: Work, signal: AbortSignal): Promise<Receipt> {
  const { folders } = work;
  const attempt = async (): Promise<Receipt> =>
    post(json, mailbox, await folders.target(mailbox, folder, signal), work, signal);
  try {
    return await folders.again(mailbox, attempt);
  } catch (error) {
    const isFull = error instanceof GraphFailure && error.failure.kind === "folder-full";
    if (isFull && (await folders.full(mailbox, signal))) return attempt();
    throw error;
  }
}

async function post(
  json: string,
  mailbox: string,
  folder: string,
  { client }: Work,
  signal: AbortSignal,
): Promise<Receipt> {
  // The whole message comes back unless a part of it is asked for.
  const path = `${userPath(mailbox)}/mailFolders/${folder}/messages?$select=id`;
  return receiptOf(await client.call({ method: "POST", path, mailbox, json }, signal));
}

async function inlined({ inline }: Plan, { context }: Work): Promise<object[]> {
  const payloads: object[] = [];
  for (const attachment of inline)
    payloads.push(attachmentPayload(attachment, await wholeContent(attachment, context.blobs)));
  return payloads;
}

/** Adds what did not fit into the first request, and sees that all of it is there. */
async function complete(
  itemId: string,
  { posted, uploaded }: Plan,
  delivery: Delivery,
  work: Work,
  signal: AbortSignal,
): Promise<void> {
  const { mailbox, message } = delivery;
  const { client, context } = work;
  const path = `${userPath(mailbox)}/messages/${itemId}/attachments`;
  for (const attachment of posted) {
    const json = JSON.stringify(attachmentPayload(attachment, await wholeContent(attachment, context.blobs)));
    await client.call({ method: "POST", path: `${path}?$select=id`, mailbox, json }, signal);
  }
  for (const attachment of uploaded)
    await uploadAttachment(client, { path, mailbox, attachment, blobs: context.blobs }, signal);
  const missing = await missingAttachments(client, mailbox, itemId, message.attachments, signal);
  if (missing.length === 0) return;
  throw new GraphFailure({
    kind: "unknown",
    reason: `The stored message lacks ${missing.join(", ")}.`,
    status: 0,
    code: "",
    correlationId: "",
  });
}

/** Something of the message is in the staging folder by now: the next attempt begins by looking there. */
function afterStaging(error: unknown): unknown {
  if (isHansardError(error))
    return new GraphFailure({ kind: "unknown", reason: error.message, status: 0, code: "", correlationId: "" });
  if (!(error instanceof GraphFailure)) return error;
  const { failure } = error;
  const isPassing = ["retry", "throttled", "gone", "exists", "full", "folder-full", "token", "unreached"].includes(
    failure.kind,
  );
  return isPassing ? new GraphFailure({ ...failure, kind: "unknown" } satisfies Failure) : error;
}
