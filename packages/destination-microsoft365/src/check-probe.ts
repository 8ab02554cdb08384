import { randomUUID } from "node:crypto";
import type { Finding } from "@hansard/core";
import type { Delivery, Message } from "@hansard/core/ingestion";
import { MessageItem, userPath } from "./deliver.ts";
import { GraphFailure } from "./failure.ts";
import { payloadOf } from "./payload.ts";
import { differencesOf } from "./read-back.ts";
import type { Submission } from "./submit.ts";

/** Writes a message to the test mailbox, reads back what Exchange made of it, and takes it away again. */
export async function probeClass(mailbox: string, work: Submission, signal: AbortSignal): Promise<Finding[]> {
  const delivery = probe(mailbox);
  const path = `${userPath(mailbox)}/messages`;
  try {
    const json = JSON.stringify(payloadOf(delivery, work.context.settings));
    const { id } = MessageItem.parse(
      (
        await work.client.call(
          { method: "POST", path: `${userPath(mailbox)}/mailFolders/inbox/messages?$select=id`, mailbox, json },
          signal,
        )
      ).json,
    );
    const differences = await differencesOf(delivery, id, work, signal);
    await work.client.call({ method: "DELETE", path: `${path}/${id}`, mailbox, isRepeatable: true }, signal);
    if (differences.length === 0)
      return [
        {
          level: "ok",
          message: `A test message in ${mailbox} had the class, the date and the flags that it was sent with.`,
        },
      ];
    return [
      {
        level: "error",
        message: `Of a test message in ${mailbox}, ${differences.join(", ")}.`,
        remedy:
          "Set `messageFlags` to 1, or another `classPrefix`, and check again. Delivering now would store messages that searches do not find.",
      },
    ];
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error;
    const { reason, remedy = "Look at the reason." } = error.failure;
    return [{ level: "error", message: `A test message could not be written to ${mailbox}: ${reason}`, remedy }];
  }
}

function probe(mailbox: string): Delivery {
  const message: Message = {
    id: `<probe.${randomUUID()}@hansard.invalid>`,
    messageClass: "IPM.NOTE.Hansard.Probe",
    date: "2020-02-03T04:05:06.000Z",
    from: { id: "probe", name: "Hansard", address: mailbox },
    to: [{ id: "probe", name: "Hansard", address: mailbox }],
    subject: "Hansard looks whether messages keep their class",
    text: "This message was written by `hansard check`, which removes it again.",
    attachments: [],
    references: [],
    headers: [],
  };
  return { id: "probe", message, mail: { segments: [], size: 0, sha256: "" }, mailbox, folder: { kind: "inbox" } };
}
