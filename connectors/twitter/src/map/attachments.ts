import type { CapturedEvent, MessageAttachment } from "@hansard/core";
import { Media } from "../schema/post.ts";
import { escapeHtml } from "./text.ts";

/** The files of an event: those that were captured, how the message shows them, and what must be said of the others. */
export function filesOf({ attachments, context }: CapturedEvent): {
  attachments: MessageAttachment[];
  html: string;
  notes: string[];
} {
  const captured = attachments.flatMap((file): MessageAttachment[] => {
    if (!("blob" in file)) return [];
    const { id, name, contentType, blob } = file;
    const inline = contentType?.startsWith("image/") ?? false;
    return [
      { id, name, ...(contentType !== undefined && { contentType }), content: { blob }, ...(inline && { inline }) },
    ];
  });
  const html = captured
    .map(({ id, name, inline }) => {
      const described = escapeHtml(Media.safeParse(context[`media:${id}`]).data?.alt_text ?? name);
      return inline
        ? `<p><img src="cid:${escapeHtml(id)}" alt="${described}"></p>`
        : `<p>Attached: ${escapeHtml(name)}</p>`;
    })
    .join("");
  const notes = attachments.flatMap((file) =>
    "unavailable" in file ? [`The file ${file.name} was not captured: ${file.unavailable}`] : [],
  );
  return { attachments: captured, html, notes };
}
