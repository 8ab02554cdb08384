import { type BlobReader, type MailAttachment } from "@hansard/core/ingestion";

/** How many bytes an attachment has. */
export function contentLength({ content }: MailAttachment): number {
  if ("text" in content) return Buffer.byteLength(content.text);
  return (content.end ?? content.blob.size) - (content.start ?? 0);
}

/** An attachment's bytes in chunks. Rejects where the journal's store has not what it should have. */
export async function* readContent(attachment: MailAttachment, blobs: BlobReader): AsyncIterable<Uint8Array> {
  const { content } = attachment;
  if ("text" in content) {
    yield Buffer.from(content.text);
    return;
  }
  const { blob, start = 0, end = blob.size } = content;
  let position = 0;
  let given = 0;
  for await (const chunk of blobs.read(blob)) {
    const wanted = chunk.subarray(Math.max(0, start - position), Math.max(0, end - position));
    position += chunk.length;
    given += wanted.length;
    if (wanted.length > 0) yield wanted;
    if (position >= end) break;
  }
  if (given !== end - start)
    throw new Error(
      `The content ${blob.sha256} gave ${given} bytes and should have ${end - start}. Verify the journal's store.`,
    );
}

export async function wholeContent(attachment: MailAttachment, blobs: BlobReader): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readContent(attachment, blobs)) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}
