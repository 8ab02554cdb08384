import type { MailAttachment, Message } from "../mail.ts";
import { escapeHtml } from "./notes.ts";
import type { PartId } from "./split-message.ts";

/** What one part of a series carries of the message. */
export interface Part {
  text: string;
  html?: string;
  attachments: MailAttachment[];
  /** What is said of the part's content, a sentence each. */
  notes: string[];
}

/** The line below which a part's share of the text begins. What stands above it is not the source's. */
export const TEXT_BEGINS = "-- The text of the message begins below this line --";

/** The part as a message. The first keeps the Message-ID; the others have their own and refer to it. */
export function finishPart(message: Message, part: Part, number: number, total: number, partId: PartId): Message {
  const label = `part ${number} of ${total}`;
  const sentences = [...explanation(message.id, number, total), ...part.notes];
  const { html: _, ...rest } = message;
  return {
    ...rest,
    id: number === 1 ? message.id : partId(number, total),
    subject: message.subject === "" ? `(${label})` : `${message.subject} (${label})`,
    text: `-- Archived in parts: ${label} --\n${sentences.join("\n")}\n${TEXT_BEGINS}\n${part.text}`,
    ...(part.html !== undefined && {
      html: `<div><p><strong>Archived in parts: ${label}</strong></p>${paragraphs(sentences)}</div><hr>\n${part.html}`,
    }),
    attachments: part.attachments,
    references: number === 1 ? message.references : [...message.references, message.id],
    headers: [...message.headers, ["X-Hansard-Part", `${number} of ${total}`]],
  };
}

function explanation(firstId: string, number: number, total: number): string[] {
  return [
    `This message was larger or had more attachments than its destination takes, so it was archived as ${total} mails. This is number ${number}.`,
    `The first has the Message-ID ${firstId}; the others name it in References and in their X-Hansard-Part field say their number.`,
    "To put the message together again, take the texts below the last of these notes one after another in the order of the parts, and the attachments of all parts.",
  ];
}

function paragraphs(sentences: string[]): string {
  return sentences.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join("");
}
