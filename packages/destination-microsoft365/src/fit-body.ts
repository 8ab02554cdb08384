import type { Delivery, MailAttachment, Message } from "@hansard/core/ingestion";

/** Together they leave room in Graph's 4 MB for recipients, headers and what JSON escapes. */
const BODY_BYTES = 2_500_000;
const EXCERPT_CHARACTERS = 100_000;
/** How many attachments a body may become. */
export const BODY_FILES = 2;

/** A body that no request carries goes along as files, whole, and the message says so; of the body itself the beginning stays. */
export function fitBody<Fitted extends Pick<Delivery, "message">>(delivery: Fitted): Fitted {
  const { message } = delivery;
  if (Buffer.byteLength(message.html ?? message.text) <= BODY_BYTES) return delivery;
  const { html, ...rest } = message;
  const files = [
    file("message.txt", "text/plain; charset=utf-8", message.text),
    ...(html === undefined ? [] : [file("message.html", "text/html; charset=utf-8", html)]),
  ];
  const note = `[The text is too long for one request. It is attached whole as ${files.map(({ name }) => name).join(" and ")}; this is its beginning.]`;
  // What was shown in its place within the text is a file like the others now.
  const attachments = message.attachments.map((attachment): MailAttachment => ({ ...attachment, inline: false }));
  const fitted: Message = {
    ...rest,
    text: `${note}\n\n${message.text.slice(0, EXCERPT_CHARACTERS)}`,
    attachments: [...attachments, ...files],
  };
  return { ...delivery, message: fitted };
}

function file(name: string, contentType: string, text: string): MailAttachment {
  return { id: `hansard-${name}`, name, contentType, content: { text } };
}
