export { isUsableAddress, placeholderAddress } from "./address.ts";
export { cleanText, fileLabel, oneLine } from "./clean-text.ts";
export { type ComposeMailOptions, INLINE_BYTES, composeMail, mailSize } from "./compose-mail.ts";
export { type ComposeMessageInput, composeMessage } from "./compose-message.ts";
export { readMail } from "./read-mail.ts";
export { type PartId, splitMessage } from "./split-message.ts";
export { utcDate } from "./utc-date.ts";
