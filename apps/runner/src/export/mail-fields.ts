import { createReadStream } from "node:fs";

/** A header is some kilobytes long; one with thousands of recipients a megabyte. */
const LONGEST_HEADER = 16 * 1024 * 1024;
const DATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) \+0000$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ENCODED_WORDS = /=\?utf-8\?B\?[A-Za-z0-9+/=]*\?=(?: =\?utf-8\?B\?[A-Za-z0-9+/=]*\?=)*/g;

/** What a mail says of itself that the list says too. Undefined where the mail does not say it, or not once. */
export interface MailFields {
  date: string | undefined;
  messageClass: string | undefined;
}

/** Reads a mail's own fields. It is read as Hansard writes it: what is written otherwise is not what was archived. */
export async function mailFields(path: string): Promise<MailFields> {
  const fields = unfolded(await headerOf(path));
  return { date: isoDate(only(fields, "Date")), messageClass: text(only(fields, "X-Hansard-Message-Class")) };
}

async function headerOf(path: string): Promise<string> {
  let header = "";
  for await (const chunk of createReadStream(path, { encoding: "latin1" }) as AsyncIterable<string>) {
    const from = Math.max(0, header.length - 3);
    header += chunk;
    const end = header.indexOf("\r\n\r\n", from);
    if (end !== -1) return header.slice(0, end);
    if (header.length > LONGEST_HEADER) break;
  }
  return header;
}

function unfolded(header: string): string[] {
  return header.replaceAll(/\r\n(?=[ \t])/g, "").split("\r\n");
}

function only(fields: string[], name: string): string | undefined {
  const start = `${name.toLowerCase()}:`;
  const found = fields.filter((field) => field.slice(0, start.length).toLowerCase() === start);
  return found.length === 1 ? found[0]?.slice(start.length).trim() : undefined;
}

/** `Sun, 22 Nov 2026 09:30:00 +0000` as `2026-11-22T09:30:00Z`: a mail's date has whole seconds. */
function isoDate(field: string | undefined): string | undefined {
  const [, day, name = "", year, time] = DATE.exec(field ?? "") ?? [];
  const month = MONTHS.indexOf(name) + 1;
  return month === 0 ? undefined : `${year}-${String(month).padStart(2, "0")}-${day}T${time}Z`;
}

/** RFC 2047, as far as Hansard writes it. */
function text(field: string | undefined): string | undefined {
  return field?.replaceAll(ENCODED_WORDS, (words) =>
    Buffer.concat(
      words.split(" ").map((word) => Buffer.from(word.slice("=?utf-8?B?".length, -2), "base64")),
    ).toString(),
  );
}
