import { expect, test } from "vitest";
import { deliveriesOf, sampleArchive, sampleMessage } from "./delivery.test.sample.ts";
import type { Message } from "@hansard/core/ingestion";

const MESSAGES = 5000;
const QUERIES = 400;
const PEOPLE = Array.from({ length: 40 }, (_, index) => ({
  id: `U${index}`,
  name: `Name${index} Family${index % 7}`,
  address: `person.${index}@firm${index % 3}.example`,
}));
const CLASSES = ["IPM.NOTE.Slack.Message", "IPM.NOTE.Slack.Edit", "IPM.ExternalData.Twitter.Tweet", "IPM.NOTE"];

/** A small generator with a seed, so that a failure can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A document as the plainest reader sees it. */
interface Scanned {
  message: Message;
  mailboxes: string[];
  words: { subject: string[]; body: string[]; from: string[]; to: string[] };
}

type Condition = { query: string; holds: (document: Scanned) => boolean };

test("finds exactly what a naive scan of all messages finds, the newest first", { timeout: 180_000 }, async () => {
  const next = random(20_260_101);
  const documents = Array.from({ length: MESSAGES }, (_, number) => document(number, next));
  const archive = await sampleArchive();
  for (let start = 0; start < MESSAGES; start += 700) {
    await archive.submit(
      documents.slice(start, start + 700).flatMap(({ message, mailboxes }) => deliveriesOf(message, mailboxes)),
    );
  }

  for (let round = 0; round < QUERIES; round += 1) {
    const { query, holds } = condition(next, 2);
    const expected = documents.filter(holds);
    expect(await archive.count(query), query).toBe(expected.length);
    const { hits } = await archive.search(query, { limit: 20 });
    const newest = expected
      .map(({ message }) => message.date)
      .sort()
      .toReversed()
      .slice(0, 20);
    expect(
      hits.map(({ date }) => date),
      query,
    ).toEqual(newest);
    const ids = new Set(expected.map(({ message }) => message.id));
    expect(
      hits.filter(({ messageId }) => !ids.has(messageId)),
      query,
    ).toEqual([]);
  }
  expect((await archive.verify()).problems).toEqual([]);
});

function document(number: number, next: (below: number) => number): Scanned {
  const subject = sentence(next, 4);
  const text = sentence(next, 3 + next(40));
  const from = person(next);
  const to = Array.from({ length: 1 + next(3) }, () => person(next));
  const date = new Date(Date.UTC(2026, 0, 1) + next(200_000) * 997).toISOString();
  const message = sampleMessage(number, {
    subject,
    text,
    from,
    to,
    date,
    messageClass: CLASSES[next(CLASSES.length)] ?? "",
  });
  const mailboxes = [...new Set([from, ...to].map(({ address }) => address))];
  return {
    message,
    mailboxes,
    words: {
      subject: words(subject),
      body: words(text),
      from: words(from.name),
      to: to.flatMap(({ name }) => words(name)),
    },
  };
}

function condition(next: (below: number) => number, depth: number): Condition {
  const kind = next(depth > 0 ? 13 : 8);
  if (kind >= 11) return negated(condition(next, depth - 1));
  if (kind >= 8) return combined(condition(next, depth - 1), condition(next, depth - 1), kind === 8);
  if (kind === 0) return phraseCondition(sentence(next, 2));
  if (kind === 1) return prefixCondition(word(next).slice(0, 3));
  if (kind === 2) return fieldCondition("subject", word(next));
  if (kind === 3) return peopleCondition(person(next), next(3));
  if (kind === 4) return dateCondition(Date.UTC(2026, 0, 1) + next(200_000) * 1000, next(2) === 0);
  if (kind === 5) return mailboxCondition(person(next).address);
  if (kind === 6)
    return classCondition(["ipm.note.slack*", "ipm.externaldata.twitter.tweet", "ipm.note"][next(3)] ?? "");
  return phraseCondition(word(next));
}

function combined(one: Condition, other: Condition, isAnd: boolean): Condition {
  if (isAnd)
    return {
      query: `(${one.query}) (${other.query})`,
      holds: (document) => one.holds(document) && other.holds(document),
    };
  return {
    query: `(${one.query}) OR (${other.query})`,
    holds: (document) => one.holds(document) || other.holds(document),
  };
}

function negated({ query, holds }: Condition): Condition {
  return { query: `-(${query})`, holds: (document) => !holds(document) };
}

function phraseCondition(text: string): Condition {
  const wanted = words(text);
  const isIn = (list: string[]) =>
    list.some((_, start) => wanted.every((each, offset) => list[start + offset] === each));
  return {
    query: `"${text}"`,
    holds: ({ words: { subject, body, from, to } }) => [subject, body, from, to].some(isIn),
  };
}

function prefixCondition(start: string): Condition {
  return {
    query: `${start}*`,
    holds: ({ words: fields }) => Object.values(fields).some((list) => list.some((each) => each.startsWith(start))),
  };
}

function fieldCondition(field: "subject", text: string): Condition {
  return { query: `${field}:${text}`, holds: ({ words: fields }) => fields[field].includes(text) };
}

function peopleCondition({ address }: { address: string }, kind: number): Condition {
  const isFrom = ({ message }: Scanned) => message.from.address === address;
  const isTo = ({ message }: Scanned) => message.to.some((person) => person.address === address);
  if (kind === 0) return { query: `from:${address}`, holds: isFrom };
  if (kind === 1) return { query: `to:${address}`, holds: isTo };
  return { query: `participants:${address}`, holds: (document) => isFrom(document) || isTo(document) };
}

function dateCondition(time: number, isBefore: boolean): Condition {
  const text = new Date(time).toISOString();
  if (isBefore) return { query: `sent<${text}`, holds: ({ message }) => message.date < text };
  return { query: `sent>=${text}`, holds: ({ message }) => message.date >= text };
}

function mailboxCondition(address: string): Condition {
  return { query: `mailbox:${address}`, holds: ({ mailboxes }) => mailboxes.includes(address) };
}

function classCondition(pattern: string): Condition {
  const starts: Record<string, string[]> = {
    "ipm.note.slack*": ["IPM.NOTE.Slack."],
    "ipm.externaldata.twitter.tweet": ["IPM.ExternalData.Twitter.Tweet"],
  };
  const fits = starts[pattern];
  if (fits === undefined)
    return { query: `itemclass:${pattern}`, holds: ({ message }) => message.messageClass === "IPM.NOTE" };
  return {
    query: `itemclass:${pattern}`,
    holds: ({ message }) => fits.some((start) => message.messageClass.startsWith(start)),
  };
}

function person(next: (below: number) => number): { id: string; name: string; address: string } {
  return PEOPLE[next(PEOPLE.length)] ?? { id: "", name: "", address: "" };
}

/** Few words are common, and many rare. */
function word(next: (below: number) => number): string {
  return `w${(next(30) * next(30) * next(10)).toString(36)}x`;
}

function sentence(next: (below: number) => number, length: number): string {
  return Array.from({ length }, () => word(next)).join(" ");
}

function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
}
