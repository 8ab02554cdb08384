import { SettingsError } from "@hansard/core";
import type { ArchivedMessage, MailArchive, Trace } from "@hansard/core/ingestion";
import type { Installation } from "../installation.ts";
import { plural, print, shown } from "../output.ts";

/** Searches every destination that can be searched, the newest first. */
export async function search(
  installation: Installation,
  query: string,
  { json, limit = 20 }: { json?: boolean; limit?: unknown },
): Promise<number> {
  const found: (ArchivedMessage & { destination: string })[] = [];
  let total = 0;
  for (const [destination, archive] of await archives(installation)) {
    total += await archive.count(query);
    for (const message of await archive.search(query, { limit: Number(limit) }))
      found.push({ destination, ...message });
  }
  print(json, { total, messages: found }, () => {
    const hits = found.map(({ date, messageClass, from, subject, messageId, copies }) =>
      [
        `${date.slice(0, 19).replace("T", " ")}  ${shown(from)}`,
        `  ${shown(subject)}`,
        `  ${messageClass}  ${messageId}`,
        `  in ${places(copies)}`,
      ].join("\n"),
    );
    return [
      ...hits,
      `${plural(total, "message")} found${total > found.length ? `, the newest ${found.length} shown` : ""}.`,
    ].join("\n\n");
  });
  return 0;
}

function places(copies: ArchivedMessage["copies"]): string {
  const first = copies.slice(0, 4).map(({ mailbox, folder }) => `${mailbox}/${folder}`);
  return [...first, ...(copies.length > 4 ? [`${copies.length - 4} more`] : [])].join(", ");
}

/** One message: the mail, or what it is and where it went and why. */
export async function show(
  installation: Installation,
  messageId: string,
  { json, mail }: { json?: boolean; mail?: unknown },
): Promise<number> {
  const id = messageId.startsWith("<") ? messageId : `<${messageId}>`;
  for (const [destination, archive] of await archives(installation)) {
    const message = await archive.find(id);
    if (!message) continue;
    if (mail) {
      for await (const chunk of archive.mail(id)) process.stdout.write(chunk);
      return 0;
    }
    const traces = await tracesOf(installation, { archive, destination, messageId: id });
    print(json, { destination, ...message, traces }, () => describe(message, traces));
    return 0;
  }
  throw new SettingsError(`No archive holds the message ${id}.`, { remedy: 'Take the id from "hansard search".' });
}

function describe(
  { messageId, messageClass, date, from, subject, sha256, size, copies }: ArchivedMessage,
  traces: Trace[],
): string {
  const routes = traces.flatMap(({ message, results }) =>
    message.targets.map(({ mailbox, rule }, index) => {
      const result = results[index];
      const receipt =
        result && "receipt" in result
          ? `item ${result.receipt.itemId}, request ${result.receipt.correlationId}`
          : (result?.status ?? "not settled");
      return `  ${mailbox} (${rule}): ${receipt}`;
    }),
  );
  return [
    shown(subject),
    `${date}  ${shown(from)}`,
    `${messageClass}  ${messageId}`,
    `${size} bytes, SHA-256 ${sha256}`,
    `In ${copies.map(({ mailbox, folder }) => `${mailbox}/${folder}`).join(", ")}`,
    ...(routes.length > 0 ? ["Delivered", ...routes] : []),
  ].join("\n");
}

interface Place {
  archive: MailArchive;
  destination: string;
  messageId: string;
}

/** The deliveries of a message: by the event that its mail names, or else, as for a transcript, by looking through all. */
async function tracesOf({ journal }: Installation, place: Place): Promise<Trace[]> {
  const { destination, messageId } = place;
  const sources = (await journal.status()).map(({ id }) => id);
  const isOurs = (trace: Trace) => trace.message.messageId === messageId && trace.destination === destination;
  const key = await eventKey(place);
  for (const source of key === undefined ? [] : sources) {
    const events = await journal.findEvent(source, key ?? "");
    const traces = await Promise.all(events.map(({ seq }) => journal.trace(seq)));
    const found = traces.flat().filter(isOurs);
    if (found.length > 0) return found;
  }
  const found: Trace[] = [];
  for (const source of sources)
    for await (const trace of journal.intents(source, destination)) if (isOurs(trace)) found.push(trace);
  return found;
}

/** The key of the event that a mail was made of, where its header says it in plain letters. */
async function eventKey({ archive, messageId }: Place): Promise<string | undefined> {
  let head = "";
  for await (const chunk of archive.mail(messageId)) {
    head += Buffer.from(chunk).toString("latin1");
    if (head.includes("\r\n\r\n")) break;
  }
  const header = head.split("\r\n\r\n", 1)[0]?.replaceAll(/\r\n(?=[ \t])/g, "");
  return /^X-Hansard-Event: (.*)$/im.exec(header ?? "")?.[1];
}

/** The destinations that can be searched. */
export async function archives(installation: Installation): Promise<[id: string, archive: MailArchive][]> {
  const found: [string, MailArchive][] = [];
  for (const id of Object.keys(installation.config.destinations)) {
    const { archive } = (await installation.destination(id)).destination;
    if (archive) found.push([id, archive]);
  }
  if (found.length > 0) return found;
  throw new SettingsError("No configured destination can be searched.", {
    remedy: "Configure the embedded archive, @hansard/archive, beside the others.",
  });
}
