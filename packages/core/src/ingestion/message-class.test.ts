import { expect, test } from "vitest";
import { matchesMessageClass, messageClass, parseMessageClass } from "./message-class.ts";

test("is built of the prefix, the source and the event", () => {
  expect(messageClass("Slack", "Message")).toBe("IPM.NOTE.Slack.Message");
  expect(messageClass("Slack", "Message", "IPM.ExternalData")).toBe("IPM.ExternalData.Slack.Message");
  expect(messageClass("Yahoo!", "IM")).toBe("IPM.NOTE.Yahoo!.IM");
});

test.each([
  ["", "Message"],
  ["Slack", ""],
  ["Slack", "  "],
  ["Slack", "Message."],
  ["Slack", "Message.Edit"],
  ["Släck", "Message"],
  ["Slack", "Mess\nage"],
  ["Slack", "M".repeat(250)],
])("is refused for the source %j and the event %j, and the error names the property", (source, event) => {
  expect(() => messageClass(source, event)).toThrow(/^The message lacks MESSAGECLASS\. /);
});

test("may have 255 characters and no more", () => {
  const longest = "M".repeat(255 - "IPM.NOTE.Slack.".length);
  expect(messageClass("Slack", longest)).toHaveLength(255);
  expect(() => messageClass("Slack", `${longest}M`)).toThrow("256 characters");
});

test("refuses a prefix that is not a known one", () => {
  expect(() => messageClass("Slack", "Message", "IPM.Task" as "IPM.NOTE")).toThrow('The prefix "IPM.Task"');
});

test("is read in any case, and the tokens keep theirs", () => {
  expect(parseMessageClass("ipm.note.Slack.Message")).toEqual({
    prefix: "IPM.NOTE",
    source: "Slack",
    event: "Message",
  });
  expect(parseMessageClass("IPM.EXTERNALDATA.slack.im")).toEqual({
    prefix: "IPM.ExternalData",
    source: "slack",
    event: "im",
  });
});

test.each([
  "IPM.NOTE",
  "IPM.NOTE.",
  "IPM.NOTE.Slack",
  "IPM.NOTE.Slack.",
  "IPM.NOTE..Message",
  "IPM.NOTE.a.b.c",
  "IPM.NOTES.a.b",
  "REPORT.IPM.NOTE.NDR",
  "",
])("does not take %j for one of ours", (text) => {
  expect(parseMessageClass(text)).toBeUndefined();
});

test.each(["IPM.NOTE.Slack.Message", "IPM.ExternalData.Slack.Message"])(
  "%s is found under either prefix, in any case",
  (text) => {
    for (const pattern of [
      "ipm.externaldata.slack*",
      "IPM.EXTERNALDATA.SLACK.MESSAGE",
      "ipm.note.slack*",
      "ipm.externaldata*",
      "ipm.ext*",
      "*",
    ]) {
      expect(matchesMessageClass(text, pattern), pattern).toBe(true);
    }
  },
);

test.each(["ipm.externaldata.slack", "ipm.externaldata.*.message", "*slack*", "ipm.externaldata.twitter*", ""])(
  "a Slack message does not fit %j: a wildcard stands at the end only",
  (pattern) => {
    expect(matchesMessageClass("IPM.NOTE.Slack.Message", pattern)).toBe(false);
  },
);

test("ordinary mail fits no search for third-party data", () => {
  expect(matchesMessageClass("IPM.NOTE", "ipm.externaldata*")).toBe(false);
  expect(matchesMessageClass("IPM.NOTE", "ipm.note*")).toBe(true);
});
