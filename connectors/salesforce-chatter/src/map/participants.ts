import { type CapturedEvent, type Json, type Participant, UnmappableEventError } from "@hansard/core";
import { z } from "zod";

const Person = z.object({ Id: z.string(), Name: z.string().nullish(), Email: z.string().nullish() });
type Person = z.infer<typeof Person>;

export const Place = Person.extend({ Type: z.string().nullish(), CollaborationType: z.string().nullish() });
export type Place = z.infer<typeof Place>;

/** What surrounds an event, where it was captured. */
export const Surroundings = z.object({
  author: Person.optional(),
  inserter: Person.optional(),
  place: Place.optional(),
  audience: z.array(Person).optional(),
  members: z.array(Person).optional(),
  postAuthor: Person.optional(),
  post: z.object({ Id: z.string(), Type: z.string().nullish() }).optional(),
});
export type Surroundings = z.infer<typeof Surroundings>;

/** Reads a part of an event, or says that the event cannot be mapped. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: Json, { key }: CapturedEvent): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UnmappableEventError(`${key} does not hold what its message needs: ${z.prettifyError(result.error)}`, {
    scope: { event: key },
    remedy: "Report it as a defect of the connector.",
  });
}

/** Salesforce itself, where it does not tell who did something. */
export const SALESFORCE: Participant = { id: "salesforce", name: "Salesforce", kind: "bot" };

export function toParticipant({ Id, Name, Email }: Person): Participant {
  return { id: Id, ...(Name && { name: Name }), ...(Email && { address: Email }) };
}

export function fromAuthor({ author }: Surroundings): Participant {
  return author === undefined ? SALESFORCE : toParticipant(author);
}

/** A post goes to its feed, to the person whose profile it is on, and to the members of a group that is not public. */
export function recipients({ author, place, audience, postAuthor }: Surroundings): Participant[] {
  const people = [place?.Type === "User" ? place : undefined, postAuthor, ...(audience ?? [])];
  const others = people
    .filter((person) => person !== undefined)
    .filter(({ Id }, index, all) => Id !== author?.Id && all.findIndex((other) => other.Id === Id) === index);
  return [toPlace(place), ...others.map(toParticipant)];
}

/** A private message goes to the others of its conversation, which may by now be nobody. */
export function otherMembers({ author, members }: Surroundings): Participant[] {
  const others = (members ?? []).filter(({ Id }) => Id !== author?.Id).map(toParticipant);
  return others.length > 0 ? others : [{ id: "conversation", name: "Private conversation", kind: "place" }];
}

export function conversationOf({ place }: Surroundings): { id: string; name: string } {
  const { id, name } = toPlace(place);
  return { id, name };
}

function toPlace(place: Place | undefined): { id: string; name: string; kind: "place" } {
  if (!place) return { id: "feed", name: "Company feed", kind: "place" };
  const name = place.Name ?? place.Id;
  return { id: `feed:${place.Id}`, name: place.Type === "User" ? `Profile of ${name}` : name, kind: "place" };
}
