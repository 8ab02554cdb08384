import { expect, test } from "vitest";
import { eventTypeOf } from "./event-type.ts";

test("a message is the same type whether a subtype or its files say that a file was shared", () => {
  const message = { type: "message", user: "U1", ts: "1700000001.000100", text: "" };
  expect(eventTypeOf({ ...message, subtype: "file_share", files: [{ id: "F1" }] })).toBe("FileShare");
  expect(eventTypeOf({ ...message, files: [{ id: "F1" }] })).toBe("FileShare");
  expect(eventTypeOf({ ...message, thread_ts: "1700000000.000100", files: [{ id: "F1" }] })).toBe("FileShare");
});

test("a reply stands in a thread that it did not start", () => {
  const message = { type: "message", ts: "1700000001.000100" };
  expect(eventTypeOf({ ...message, thread_ts: message.ts })).toBe("Message");
  expect(eventTypeOf({ ...message, thread_ts: "1700000000.000100" })).toBe("Reply");
});

test("an app's message without a subtype is a message, with `bot_message` it is a bot's", () => {
  expect(eventTypeOf({ type: "message", bot_id: "B1", user: "U1" })).toBe("Message");
  expect(eventTypeOf({ type: "message", bot_id: "B1", subtype: "bot_message" })).toBe("Bot");
});

test("what is not known is Other, and nothing throws", () => {
  for (const data of [
    { type: "message", subtype: "future_thing" },
    { type: "future" },
    {},
    "text",
    null,
    7,
    [],
    { type: 5, subtype: {} },
  ]) {
    expect(["Other", "Message"]).toContain(eventTypeOf(data));
  }
  expect(eventTypeOf({ type: "message", subtype: "constructor" })).toBe("Other");
});
