import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Journal, MailArchive } from "@hansard/core/ingestion";
import { expect, test } from "vitest";
import { writeExport } from "./write-export.ts";

test("a message whose bytes are not those that the archive took is exported as it is, and named", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hansard-export-"));
  try {
    const { altered, messages } = await writeExport(
      join(folder, "export"),
      { journal: emptyJournal(), archive: archiveOf({ "<kept@x>": "kept", "<turned@x>": "turned" }), destination: "a" },
      () => undefined,
    );
    expect(messages).toBe(2);
    expect(altered).toEqual(["<turned@x>"]);
    expect(JSON.parse(readFileSync(join(folder, "export", "manifest.json"), "utf8"))).not.toHaveProperty("altered");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Remembers the hash of each text; the one that begins with "turned" has changed since. */
function archiveOf(mails: Record<string, string>): MailArchive {
  const archive: Pick<MailArchive, "count" | "list" | "mail"> = {
    count: async () => Object.keys(mails).length,
    async *list() {
      for (const [messageId, text] of Object.entries(mails))
        yield {
          messageId,
          messageClass: "IPM.NOTE",
          date: "2026-01-01T00:00:00Z",
          subject: "",
          from: "",
          copies: [],
          sha256: createHash("sha256").update(text).digest("hex"),
          size: text.length,
        };
    },
    async *mail(messageId) {
      yield Buffer.from((mails[messageId] ?? "").replace("turned", "burned"));
    },
  };
  return archive as MailArchive;
}

function emptyJournal(): Journal {
  const journal: Pick<Journal, "entries" | "installation"> = {
    installation: { id: "test", key: new Uint8Array(32) },
    async *entries() {},
  };
  return journal as Journal;
}
