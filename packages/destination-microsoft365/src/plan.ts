import type { MailAttachment, Message } from "@hansard/core/ingestion";
import { contentLength } from "./content.ts";

/** How a message's attachments travel. */
export interface Plan {
  /** Within the creating request. */
  inline: MailAttachment[];
  /** Each in a request of its own, since there is no room in the first. */
  posted: MailAttachment[];
  /** In ranges through an upload session. */
  uploaded: MailAttachment[];
}

/** Graph's limit of a request is 4 MB; some of it is kept free for names and escapes. */
const REQUEST_BYTES = 3_900_000;
/** Decimal: just below it, base64 still fits into a request of 4 MiB. */
const UPLOAD_FROM_BYTES = 3_000_000;
const ATTACHMENT_OVERHEAD_BYTES = 512;

/** Small attachments go along in their order while there is room. `bytes` is the request without them. */
export function planAttachments({ attachments }: Pick<Message, "attachments">, bytes: number): Plan {
  const plan: Plan = { inline: [], posted: [], uploaded: [] };
  let room = REQUEST_BYTES - bytes;
  for (const attachment of attachments) {
    const size = contentLength(attachment);
    const encoded = Math.ceil(size / 3) * 4 + ATTACHMENT_OVERHEAD_BYTES + 3 * attachment.name.length;
    if (size >= UPLOAD_FROM_BYTES) plan.uploaded.push(attachment);
    else if (encoded <= room) {
      plan.inline.push(attachment);
      room -= encoded;
    } else plan.posted.push(attachment);
  }
  return plan;
}

export function isWhole({ posted, uploaded }: Plan): boolean {
  return posted.length === 0 && uploaded.length === 0;
}
