import { readId } from "../store-id.ts";
import { type Call, changeKey, itemAt } from "./call.ts";
import { mayOpen } from "./caller.ts";
import { readAttachment } from "./create-item.ts";
import { each } from "./each.ts";
import { EwsError } from "./fault.ts";
import { attachmentHead, attachmentId } from "./item-output.ts";
import { child } from "./xml-tree.ts";
import { writeId } from "../store-id.ts";

export function createAttachment(call: Call): Promise<string> {
  const { operation, context, messageBytes } = call;
  return each("CreateAttachment", child(operation, "Attachments")?.children ?? [], async (node) => {
    const item = itemAt(call, child(operation, "ParentItemId"));
    const attachment = readAttachment(node);
    if (attachment.content instanceof Uint8Array && item.size + attachment.content.length > messageBytes) {
      throw new EwsError("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.");
    }
    const stored = await context.store.addAttachment(item.id, attachment);
    const { mailbox, folder, id } = item;
    const root = ` RootItemId="${writeId({ kind: "item", mailbox, number: id, folder })}" RootItemChangeKey="${changeKey(id, item.change + 1)}"`;
    return `<m:Attachments><t:FileAttachment>${attachmentId(item, stored, root)}</t:FileAttachment></m:Attachments>`;
  });
}

export function getAttachment(call: Call): Promise<string> {
  const { operation, context, caller } = call;
  const { store } = context;
  return each("GetAttachment", child(operation, "AttachmentIds")?.children ?? [], async (node) => {
    const parts = readId(node.attributes["Id"] ?? "");
    const attachment = parts?.kind === "attachment" ? store.attachment(parts.number) : undefined;
    const item = attachment && store.item(attachment.item);
    const mailbox = item && store.mailboxById(item.mailbox);
    if (!attachment || !item || !mailbox || !mayOpen(caller, mailbox))
      throw new EwsError("ErrorInvalidAttachmentId", "The attachment Id is invalid.");
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.readAttachment(attachment)) chunks.push(chunk);
    const content = `<t:Content>${Buffer.concat(chunks).toString("base64")}</t:Content>`;
    return `<m:Attachments>${attachmentHead(item, attachment, content)}</m:Attachments>`;
  });
}
