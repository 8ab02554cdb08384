import type { Random } from "../../random.ts";
import { element } from "./xml.ts";

export interface Person {
  login: string;
  first: string;
  last: string;
  /** Only the firm's own people have one. */
  uuid: string | undefined;
  company: string;
  bloomberg: string;
  corporate: string;
}

const FIRST = ["Ada", "Grace", "José", "Zoë", "王", "Håkon", "Olena", "Kofi", "Ñusta", "D'Arcy"];
const LAST = ["O'Neil", "Müller", "Smith & Sons", "李", "Østergård", "van der Berg", "Nakamura", "<Brown>"];

export function makePeople(random: Random, count: number): Person[] {
  return Array.from({ length: count }, (_, index): Person => {
    const own = index === 0 || random.chance(0.5);
    const login = `USER${index}${random.hex(3).toUpperCase()}`;
    return {
      login,
      first: random.pick(FIRST),
      last: random.pick(LAST),
      uuid: own ? String(1_000_000 + index * 7919) : undefined,
      company: own ? "CONTOSO CAPITAL" : "FABRIKAM BANK",
      bloomberg: `${login.toLowerCase()}@bloomberg.example`,
      corporate: own ? `person${index}@contoso.example` : "",
    };
  });
}

/** The id under which mapping shows a person. */
export function idOf({ uuid, bloomberg }: Person): string {
  return uuid ?? bloomberg;
}

export function chatUser(name: string, person: Person): string {
  const own =
    person.uuid === undefined
      ? ""
      : element("UUID", person.uuid) + element("FirmNumber", "9001") + element("AccountNumber", "30001");
  return `<${name}>${element("LoginName", person.login)}${element("FirstName", person.first)}${element("LastName", person.last)}${own}${element("CompanyName", person.company)}${element("EmailAddress", person.bloomberg)}${element("CorporateEmailAddress", person.corporate)}</${name}>`;
}

export function mailUser(person: Person): string {
  const own = person.uuid === undefined ? "" : element("FirmNumber", "9001");
  const uuid = person.uuid === undefined ? "" : element("BloombergUUID", person.uuid);
  return `<UserInfo>${element("FirstName", person.first)}${element("LastName", person.last)}${own}${element("AccountName", person.company)}${uuid}${element("BloombergEmailAddress", person.bloomberg)}${element("CorporateEmailAddress", person.corporate)}</UserInfo>`;
}
