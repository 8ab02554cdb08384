import { z } from "zod";

/** A problem that X reports beside what it could give, with status 200. */
export const Problem = z.looseObject({
  title: z.string().default(""),
  type: z.string().default(""),
  detail: z.string().default(""),
  value: z.string().optional(),
  resource_id: z.string().optional(),
  resource_type: z.string().optional(),
  parameter: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

const Includes = z
  .looseObject({
    users: z.array(z.json()).default([]),
    media: z.array(z.json()).default([]),
    polls: z.array(z.json()).default([]),
    tweets: z.array(z.json()).default([]),
    posts: z.array(z.json()).default([]),
  })
  .prefault({});

/** A page of posts, likes or direct messages. The items stay as they came. */
export const ListAnswer = z.object({
  data: z.array(z.json()).default([]),
  includes: Includes,
  errors: z.array(Problem).default([]),
  meta: z.looseObject({ next_token: z.string().optional(), result_count: z.number().optional() }).prefault({}),
});
export type ListAnswer = z.infer<typeof ListAnswer>;

/** Why a post that was asked for by its id is not there. */
export type Absence = "deleted" | "protected" | "suspended" | "withheld" | "unavailable";

/** Only "not found" is a deletion: everything else may come back, and must not be taken for one. */
export function absenceOf({ type, title, detail }: Problem): Absence {
  const said = `${title} ${detail}`.toLowerCase();
  if (said.includes("suspend")) return "suspended";
  if (said.includes("withheld")) return "withheld";
  if (type.endsWith("/not-authorized-for-resource") || said.includes("authoriz") || said.includes("protected"))
    return "protected";
  if (type.endsWith("/resource-not-found") || said.includes("not found")) return "deleted";
  return "unavailable";
}
