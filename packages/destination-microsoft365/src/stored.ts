import type { MailAttachment } from "@hansard/core/ingestion";
import { z } from "zod";
import { contentLength } from "./content.ts";
import type { GraphClient } from "./graph-client.ts";
import { pagesOf } from "./pages.ts";
import { attachmentName } from "./payload.ts";

const Attachments = z.object({
  value: z.array(z.object({ name: z.string().nullable(), size: z.number() })),
});

/** How much more than its content Exchange may say an attachment has. */
const SIZE_SLACK_BYTES = 4096;

/** The attachments that a stored message lacks, or has in another size. */
export async function missingAttachments(
  client: GraphClient,
  mailbox: string,
  itemId: string,
  wanted: MailAttachment[],
  signal: AbortSignal,
): Promise<string[]> {
  const stored = await storedAttachments(client, mailbox, itemId, signal);
  const missing: string[] = [];
  for (const attachment of wanted) {
    const size = contentLength(attachment);
    const index = stored.findIndex(
      (entry) =>
        entry.name === attachmentName(attachment.name) && entry.size >= size && entry.size <= size + SIZE_SLACK_BYTES,
    );
    if (index === -1) missing.push(`"${attachment.name}" (${size} bytes)`);
    else stored.splice(index, 1);
  }
  return missing;
}

async function storedAttachments(
  client: GraphClient,
  mailbox: string,
  itemId: string,
  signal: AbortSignal,
): Promise<{ name: string | null; size: number }[]> {
  const path = `/users/${encodeURIComponent(mailbox)}/messages/${itemId}/attachments?$select=id,name,size&$top=500`;
  const first = await client.call({ method: "GET", path, mailbox }, signal);
  const pages = await pagesOf(client, first, { mailbox }, signal);
  return pages.flatMap(({ json }) => Attachments.parse(json).value);
}
