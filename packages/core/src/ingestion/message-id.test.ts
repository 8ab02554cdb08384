import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { hmac, messageId } from "./message-id.ts";

const INSTALLATION = { id: "i", key: randomBytes(32) };

test("it is node's own HMAC, for short and long keys and any text", () => {
  for (const length of [0, 1, 32, 64, 65, 200]) {
    const key = randomBytes(length);
    for (const text of ["", "a", "é🙂", "x".repeat(1000)])
      expect(hmac(key, text)).toBe(createHmac("sha256", key).update(text).digest("hex"));
  }
});

test("source, key, version and part each make another Message-ID, and no two fields can run into each other", () => {
  const ids = [
    messageId(INSTALLATION, "s", "k"),
    messageId(INSTALLATION, "s", "k", "v"),
    messageId(INSTALLATION, "s", "k", "", 1),
    messageId(INSTALLATION, "sk", ""),
    messageId(INSTALLATION, "", "sk"),
  ];
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]).toMatch(/^<[0-9a-f]{40}@i\.hansard\.invalid>$/);
});

test("another installation's key gives another Message-ID", () => {
  expect(messageId({ id: "i", key: randomBytes(32) }, "s", "k")).not.toBe(messageId(INSTALLATION, "s", "k"));
});
