import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isUsableAddress, placeholderAddress } from "./address.ts";

test.each(["alice@contoso.example", "o'neil+slack@x-y.example", "a..b.@docomo.example", "x@localhost"])(
  "%s is usable",
  (address) => {
    expect(isUsableAddress(address)).toBe(true);
  },
);

test.each([
  "",
  "@",
  "a",
  "a@",
  "a b@x",
  "a@x@y",
  "a@x>\r\nBcc: y",
  '"a"@x',
  "a@[192.0.2.1]",
  "jö@x",
  "a@ö",
  "=?utf-8?Q?a?=@x",
  "a,b@x",
  `${"a".repeat(65)}@x`,
  `a@${"x".repeat(254)}`,
  "a@-x",
  "a@x..y",
])("%j is not usable", (address) => {
  expect(isUsableAddress(address)).toBe(false);
});

test("a placeholder shows ids of one case, and can never be delivered to", () => {
  expect(placeholderAddress("alice", "Slack")).toBe("alice@slack.invalid");
  expect(placeholderAddress("U024BE7LH", "Slack")).toBe("u024be7lh--u@slack.invalid");
  expect(placeholderAddress("12345", "Twitter")).toBe("12345@twitter.invalid");
  expect(placeholderAddress("x", "Yahoo!")).toBe("x@yahoo-21.invalid");
});

test("ids that differ only in case, or in what an address cannot hold, get different placeholders", () => {
  const ids = [
    "a",
    "A",
    "aA",
    "Aa",
    "ä",
    "Ä",
    "a b",
    "a-b",
    "a--b",
    "",
    " ",
    "K",
    "\u212a",
    "\ud800",
    "\udfff",
    "\ufffd",
    "a--u",
    "x".repeat(41),
    "x".repeat(42),
  ];
  expect(new Set(ids.map((id) => placeholderAddress(id, "Slack").toLowerCase())).size).toBe(ids.length);
});

test("any id gives a usable placeholder, always the same, and no two ids share one", () => {
  const anyId = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.stringMatching(/^[aAbB._-]{0,6}$/),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  );
  fc.assert(
    fc.property(anyId, anyId, (one, other) => {
      const address = placeholderAddress(one, "Slack");
      expect(isUsableAddress(address), address).toBe(true);
      expect(address).toBe(placeholderAddress(one, "Slack"));
      expect(address.toLowerCase() === placeholderAddress(other, "Slack").toLowerCase()).toBe(one === other);
    }),
    { numRuns: 3000, seed: 1 },
  );
});
