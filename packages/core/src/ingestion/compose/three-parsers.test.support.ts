import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type AddressObject, simpleParser } from "mailparser";
import PostalMime, { type Address } from "postal-mime";

/** What a parser finds in a mail, in a form that all three can be brought to. */
export interface Reading {
  headerNames: string[];
  /** Pairs of name and address. */
  from: [name: string, address: string][];
  to: [name: string, address: string][];
  subject: string;
  date: string;
  text: string;
  html: string | undefined;
  files: FileReading[];
  headers: Map<string, string>;
}

export interface FileReading {
  name: string;
  type: string;
  size: number;
  sha256: string;
  inline: boolean;
  contentId: string | undefined;
}

export async function readWithMailparser(mail: Buffer): Promise<Reading> {
  const parsed = await simpleParser(mail, {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
    keepCidLinks: true,
  });
  return {
    headerNames: parsed.headerLines.map(({ key }) => key),
    from: pairsOf(parsed.from),
    to: pairsOf(parsed.to),
    subject: parsed.subject ?? "",
    date: parsed.date?.toISOString() ?? "",
    text: parsed.text ?? "",
    html: parsed.html || undefined,
    files: parsed.attachments.map(({ filename, contentType, content, contentDisposition, cid }) => ({
      name: filename ?? "",
      type: contentType,
      size: content.length,
      sha256: sha256(content),
      inline: contentDisposition === "inline",
      contentId: cid,
    })),
    headers: new Map([...parsed.headers].filter(([, value]) => typeof value === "string") as [string, string][]),
  };
}

export async function readWithPostalMime(mail: Buffer): Promise<Reading> {
  const parsed = await PostalMime.parse(mail);
  return {
    headerNames: parsed.headers.map(({ key }) => key),
    from: parsed.from ? flat([parsed.from]) : [],
    to: flat(parsed.to ?? []),
    subject: parsed.subject ?? "",
    date: parsed.date ?? "",
    text: parsed.text ?? "",
    html: parsed.html,
    files: parsed.attachments.map(({ filename, mimeType, content, disposition, contentId }) => {
      const bytes = typeof content === "string" ? Buffer.from(content) : Buffer.from(content as ArrayBuffer);
      return {
        name: filename ?? "",
        type: mimeType,
        size: bytes.length,
        sha256: sha256(bytes),
        inline: disposition === "inline",
        contentId: contentId?.slice(1, -1),
      };
    }),
    headers: new Map(parsed.headers.map(({ key, value }) => [key, value])),
  };
}

interface PythonAnswer {
  headers: [string, string][];
  from: [string, string][];
  to: [string, string][];
  subject: string;
  date: string;
  text: string | null;
  html: string | null;
  files: { name: string; type: string; sha256: string; size: number; inline: boolean; id: string | null }[];
  defects: string[];
}

/** One Python process that reads mail after mail. */
export class PythonParser {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve: (answer: PythonAnswer) => void; reject: (error: Error) => void }[] = [];
  #received = Buffer.alloc(0);

  constructor() {
    this.#process = spawn("python3", [fileURLToPath(new URL("judge.test.py", import.meta.url))]);
    this.#process.stdout.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#process.stderr.pipe(process.stderr);
    this.#process.on("exit", () => {
      for (const { reject } of this.#waiting) reject(new Error("The Python parser ended before it answered."));
    });
  }

  async read(mail: Buffer): Promise<Reading & { defects: string[] }> {
    const answer = await new Promise<PythonAnswer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      const length = Buffer.alloc(4);
      length.writeUInt32BE(mail.length);
      this.#process.stdin.write(Buffer.concat([length, mail]));
    });
    return {
      headerNames: answer.headers.map(([name]) => name),
      from: answer.from,
      to: answer.to,
      subject: answer.subject,
      date: new Date(answer.date).toISOString(),
      text: answer.text ?? "",
      html: answer.html ?? undefined,
      files: answer.files.map(({ id, ...file }) => ({ ...file, contentId: id?.slice(1, -1) })),
      headers: new Map(answer.headers),
      defects: answer.defects,
    };
  }

  close(): void {
    this.#process.stdin.end();
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readUInt32BE();
      if (this.#received.length < end) return;
      const answer: unknown = JSON.parse(this.#received.toString("utf8", 4, end));
      this.#received = this.#received.subarray(end);
      this.#waiting.shift()?.resolve(answer as PythonAnswer);
    }
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function pairsOf(field: AddressObject | AddressObject[] | undefined): [string, string][] {
  const fields = field === undefined ? [] : Array.isArray(field) ? field : [field];
  return fields.flatMap(({ value }) => value.map(({ name, address }): [string, string] => [name, address ?? ""]));
}

function flat(addresses: Address[]): [string, string][] {
  return addresses.map(({ name, address }) => [name, address ?? "a group"]);
}
