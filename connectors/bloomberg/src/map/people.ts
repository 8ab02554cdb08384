import type { Participant } from "@hansard/core";
import type { ChatUser, MailUser } from "../schema.ts";

/** The firm's own people are known by their UUID in chats and in mail alike; others by their Bloomberg address. */
export function chatParticipant({
  UUID,
  EmailAddress,
  CorporateEmailAddress,
  LoginName,
  ...names
}: ChatUser): Participant {
  return participant(
    UUID || EmailAddress || LoginName,
    fullName(names) || LoginName,
    CorporateEmailAddress || EmailAddress,
  );
}

export function mailParticipant(user: MailUser): Participant {
  const { BloombergUUID, BloombergEmailAddress, CorporateEmailAddress, AccountName, AccountNumber } = user;
  const name = fullName(user) || AccountName;
  const id = BloombergUUID || BloombergEmailAddress || CorporateEmailAddress || AccountNumber || name || "unknown";
  return participant(id, name, CorporateEmailAddress || BloombergEmailAddress);
}

/** A participant for a text: the name, and the address where there is one. */
export function nameOf({ id, name, address }: Participant): string {
  if (!name) return address ?? id;
  return address ? `${name} <${address}>` : name;
}

/** Each participant once, in order, without those of `without`. */
export function distinct(participants: Participant[], without: Participant[] = []): Participant[] {
  const met = new Set(without.map(({ id }) => id));
  return participants.filter(({ id }) => !met.has(id) && met.add(id));
}

function participant(id: string, name: string, address: string): Participant {
  return { id, ...(name && { name }), ...(address.includes("@") && { address }) };
}

function fullName({ FirstName, LastName }: { FirstName: string; LastName: string }): string {
  return `${FirstName} ${LastName}`.trim();
}
