import { createHash } from "node:crypto";
import { composeMail } from "./compose-mail.ts";
import { SAMPLE } from "./golden.test.support.ts";
import { readMail } from "./read-mail.ts";

/** Composes and reads a mail with a gigabyte attached, and says what it took. It is run in a process with little memory. */
const MEBIBYTE = 1024 * 1024;
const blob = { sha256: "cd".repeat(32), size: 1024 * MEBIBYTE };
const blobs = {
  async *read(): AsyncGenerator<Uint8Array> {
    const chunk = Buffer.alloc(MEBIBYTE, "Hansard");
    for (let count = 0; count < 1024; count += 1) yield chunk;
  },
};

const message = { ...SAMPLE, attachments: [{ id: "F1", name: "huge.bin", content: { blob } }] };
const { segments, size, sha256 } = await composeMail(message, { blobs });
const digest = createHash("sha256");
let read = 0;
for await (const bytes of readMail({ segments }, blobs)) {
  read += bytes.length;
  digest.update(bytes);
}
const residentMegabytes = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ size, sha256, read, readSha256: digest.digest("hex"), residentMegabytes }));
