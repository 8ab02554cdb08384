import type { Message, Outcome } from "@hansard/core/ingestion";

type Refusal = Extract<Outcome, { status: "refused" }>;

/** What the article's service demands of an item. Undefined: it has all of it. */
export function refusalOf(message: Message): Refusal | undefined {
  const { from, to, date, messageClass, id } = message as Partial<Message>;
  if (!from?.address) return lacks("FROM", "Give it a sender with an address.");
  if (!to?.length || to.some(({ address }) => !address))
    return lacks("TO", "Give it at least one recipient, each with an address.");
  if (!date) return lacks("DATE", "Give it the time at which it was said.");
  if (Number.isNaN(Date.parse(date))) return lacks("DATE", `"${date}" is no time: write it as ISO 8601.`);
  if (!messageClass) return lacks("MESSAGECLASS", "Give it a class such as IPM.NOTE.Slack.Message.");
  if (!isMessageClass(messageClass)) {
    return lacks(
      "MESSAGECLASS",
      `"${messageClass}" is none: use ASCII, no dot at the end, and at most 255 characters.`,
    );
  }
  if (!id) return lacks("Message-ID", "Give it an identity, without which a second delivery is not recognised.");
  return undefined;
}

function lacks(property: string, remedy: string): Refusal {
  return {
    status: "refused",
    reason: `The item was not imported: it lacks the mandatory property ${property}.`,
    remedy,
  };
}

function isMessageClass(text: string): boolean {
  return text.length <= 255 && /^[\x20-\x7e]*[\x20-\x2d\x2f-\x7e]$/.test(text);
}
