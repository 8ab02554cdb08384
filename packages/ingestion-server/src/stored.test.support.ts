import { expect } from "vitest";
import { THIRD_PARTY } from "./delivery.test.support.ts";
import type { Store } from "./store-types.ts";

/** Every message in each of its owners' folders, once, and nowhere else. */
export function expectAllOnce(
  store: Store,
  owners: { subject: string; mailboxes: string[] }[],
  folderName: string,
): void {
  const expected = new Map<string, string[]>();
  for (const { subject, mailboxes } of owners)
    for (const mailbox of mailboxes) expected.set(mailbox, [...(expected.get(mailbox) ?? []), subject]);
  for (const { id, address } of store.mailboxes()) {
    const stored = inFolder(store, id, address === THIRD_PARTY ? "Inbox" : folderName);
    expect(stored.sort(), address).toEqual((expected.get(address) ?? []).sort());
  }
}

/** The subjects of a folder's messages, also of those that a lagging search does not find yet. */
export function inFolder(store: Store, mailbox: number, name: string): string[] {
  const roots = [
    store.wellKnownFolder(mailbox, "msgfolderroot"),
    store.wellKnownFolder(mailbox, "recoverableitemsroot"),
  ];
  const found = roots.flatMap(({ id }) => store.childFolders(mailbox, id)).find((one) => one.name === name);
  return found === undefined ? [] : store.itemsIn(found.id).map(({ subject }) => subject);
}
