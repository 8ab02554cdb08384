import { composeMail, type Delivery, type Message } from "../../packages/core/src/ingestion/index.ts";

export const APPLICATION = {
  clientId: "11111111-2222-3333-4444-555555555555",
  secret: "s3cret-value",
  permissions: ["Mail.ReadWrite", "User.Read.All"],
};

/** Deliveries of short messages, in turn to so many mailboxes. */
export function deliveries(count: number, text: string, mailboxes: number): Delivery[] {
  return Array.from({ length: count }, (_, index) => {
    const mailbox = addressOf(index % mailboxes);
    const message = messageOf(`${text} ${index}`, mailbox);
    return { id: String(index), message, mail: composeMail(message), mailbox, folder: { kind: "inbox" } };
  });
}

export function addressOf(index: number): string {
  return `user${index}@contoso.example`;
}

/** What of the destination's context no delivery here needs. */
export const quiet = {
  blobs: {
    read(): AsyncIterable<Uint8Array> {
      throw new Error("No message here has content in the journal's store.");
    },
  },
  log: { debug() {}, info() {}, warn() {}, error() {} },
};

export async function inParallel<Item>(
  items: Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  async function worker(): Promise<void> {
    for (const item of waiting) await work(item);
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function messageOf(name: string, mailbox: string): Message {
  const sender = { id: "U1", name: "Bob", address: "bob@contoso.example" };
  return {
    id: `<${name.replaceAll(" ", ".")}@hansard.invalid>`,
    messageClass: "IPM.NOTE.Slack.Message",
    date: "2026-01-02T03:04:05.000Z",
    from: sender,
    to: [{ id: "U2", name: "Somebody", address: mailbox }],
    subject: name,
    text: `${name}\n${"Some words that somebody wrote. ".repeat(30)}`,
    attachments: [],
    references: [],
    headers: [["X-Hansard-Source", "Slack"]],
  };
}
