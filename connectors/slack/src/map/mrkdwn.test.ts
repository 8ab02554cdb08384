import { expect, test } from "vitest";
import { emojiNamed } from "./emoji.ts";
import { parseMrkdwn } from "./mrkdwn.ts";
import { namesOf } from "./names.ts";
import { renderHtml, renderText } from "./rich.ts";

const names = namesOf({ context: { people: { U1: { name: "Ada Abbott" } }, channels: { C1: "general" } } });

function show(text: string): [text: string, html: string] {
  const blocks = parseMrkdwn(text, names);
  return [renderText(blocks), renderHtml(blocks).trim()];
}

test.each([
  [
    "*bold* _italic_ ~gone~ `code *x*`",
    "bold italic ~gone~ code *x*",
    "<p><b>bold</b> <i>italic</i> <s>gone</s> <code>code *x*</code></p>",
  ],
  ["*_both_*", "both", "<p><b><i>both</i></b></p>"],
  ["2*3*4 snake_case_name a ~ b", "2*3*4 snake_case_name a ~ b", "<p>2*3*4 snake_case_name a ~ b</p>"],
  ["* not * bold*", "* not * bold*", "<p>* not * bold*</p>"],
  ["*never\nclosed*", "*never\nclosed*", "<p>*never<br>\nclosed*</p>"],
  ["&lt;b&gt; &amp;amp; &quot;", "<b> &amp; &quot;", "<p>&lt;b&gt; &amp;amp; &amp;quot;</p>"],
  [
    "<@U1> <@U2|ben> <@U3> <#C1> <#C2|random> <#C3>",
    "@Ada Abbott @ben @U3 #general #random #C3",
    "<p>@Ada Abbott @ben @U3 #general #random #C3</p>",
  ],
  [
    "<!here> <!channel|@channel> <!subteam^S1|@ops> <!subteam^S2> <!unknown>",
    "@here @channel @ops @S2 @unknown",
    "<p>@here @channel @ops @S2 @unknown</p>",
  ],
  [
    "<!date^1700000000^{date}|14 Nov> <!date^1700000000^{date}>",
    "14 Nov 2023-11-14 22:13:20 UTC",
    "<p>14 Nov 2023-11-14 22:13:20 UTC</p>",
  ],
  [
    "<https://a.example/?x=1&amp;y=2|here> <https://b.example>",
    "here <https://a.example/?x=1&y=2> https://b.example",
    '<p><a href="https://a.example/?x=1&amp;y=2">here</a> <a href="https://b.example">https://b.example</a></p>',
  ],
  [
    "<javascript:alert(1)|click> <data:text/html,x|y>",
    "click <javascript:alert(1)> y <data:text/html,x>",
    "<p>click &lt;javascript:alert(1)&gt; y &lt;data:text/html,x&gt;</p>",
  ],
  [
    "&gt; quoted\n&gt; more\nplain",
    "> quoted\n> more\nplain",
    "<blockquote>\n<p>quoted<br>\nmore</p>\n</blockquote>\n<p>plain</p>",
  ],
  [
    "a\n&gt;&gt;&gt; all\nthe rest",
    "a\n> all\n> the rest",
    "<p>a</p>\n<blockquote>\n<p>all<br>\nthe rest</p>\n</blockquote>",
  ],
  ["```\n*kept* :tada: <@U1>\n```", "*kept* :tada: @Ada Abbott", "<pre>*kept* :tada: @Ada Abbott</pre>"],
  ["open ``` fence", "open ``` fence", "<p>open ``` fence</p>"],
  ["unclosed <@U1 and `tick", "unclosed <@U1 and `tick", "<p>unclosed &lt;@U1 and `tick</p>"],
  [
    ":tada: :wave::skin-tone-3: :not-ours: 12:30:45 :+1:",
    "🎉 👋🏼 :not-ours: 12:30:45 👍",
    "<p>🎉 👋🏼 :not-ours: 12:30:45 👍</p>",
  ],
  ["", "", ""],
])("shows %j as text and HTML", (markup, text, html) => {
  expect(show(markup)).toEqual([text, html]);
});

test("knows the emoji that Slack knows, by its names and with skin tones", () => {
  expect(["thinking_face", "flag-de", "man-shrugging", "heart", "one", "simple_smile"].map(emojiNamed)).toEqual([
    "🤔",
    "🇩🇪",
    "🤷‍♂️",
    "❤️",
    "1️⃣",
    "🙂",
  ]);
  expect(emojiNamed("female-technologist::skin-tone-5")).toBe("👩🏾‍💻");
  expect(emojiNamed("constructor")).toBeUndefined();
});

test("takes time in proportion to a message's length, whatever it is made of", () => {
  for (const piece of ["*a ", "*", "_~*", "<", ":", ":a", "`", "&", "```", "\n", "&gt;\n", "*x*y", "<@", "*\n"]) {
    const text = piece.repeat(Math.ceil(400_000 / piece.length));
    const startedAt = performance.now();
    renderHtml(parseMrkdwn(text, names));
    expect(performance.now() - startedAt, piece).toBeLessThan(3000);
  }
});
