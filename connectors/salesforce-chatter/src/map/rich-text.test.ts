import { expect, test } from "vitest";
import { firstLine, toHtml, toText } from "./rich-text.ts";

const NONE = new Map<string, string>();

test.each([
  ["<p>one</p><p>two</p>", "one\n\ntwo"],
  ["a &lt;b&gt; &amp; c", "a <b> & c"],
  ['<a href="https://example.com">the page</a>', "the page (https://example.com)"],
  ["<ul><li>x</li><li>y</li></ul>", "- x\n- y"],
  ["&#128640; &#x4f1a;", "🚀 会"],
  ["&#99999999; &unknown;", "&#99999999; &unknown;"],
])("%s reads as text", (body, text) => expect(toText(body, true)).toBe(text));

test("plain text stays as it is, angle brackets and all", () => {
  expect(toText("a < b & <p>", false)).toBe("a < b & <p>");
});

test.each([
  ["<script>alert(1)</script>", "alert(1)"],
  ['<p onclick="x()">hi</p>', "<p>hi</p>"],
  ['<a href="javascript:x()">y</a>', "<a>y</a>"],
  ['<a href="https://example.com/?a=1&amp;b=2">y</a>', '<a href="https://example.com/?a=1&#38;b=2">y</a>'],
  ['<img src="https://example.com/track.gif" alt="t">', "[image t]"],
  ["5 < 6 <b", "5 &#60; 6 &#60;b"],
  ['<iframe src="x"></iframe><b>ok</b>', "<b>ok</b>"],
])("%s becomes safe HTML", (body, html) => expect(toHtml(body, NONE)).toBe(html));

test("an image of the post shows in its place, by an id of 15 or 18 characters", () => {
  const images = new Map([["069B0000000omjh", "068B0000000abcdEFG"]]);
  for (const id of ["069B0000000omjh", "069B0000000omjhIAA"]) {
    expect(toHtml(`<img src="sfdc://${id}"></img>`, images)).toBe('<img src="cid:068B0000000abcdEFG" alt="">');
  }
});

test("a long first line is cut between characters", () => {
  expect(firstLine(`\n${"🚀".repeat(120)}`)).toBe(`${"🚀".repeat(99)}…`);
});
