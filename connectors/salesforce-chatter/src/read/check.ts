import { type Finding, isHansardError, type SourceContext } from "@hansard/core";
import { lacking } from "./permissions.ts";
import { openSession, type Session } from "./session.ts";
import type { Settings } from "../schema.ts";

const SKEW_MS = 120_000;
const OBJECTS = [
  "FeedItem",
  "FeedComment",
  "FeedRevision",
  "FeedAttachment",
  "ContentVersion",
  "FeedPollVote",
  "CollaborationGroupMember",
  "User",
];
const PRIVATE = ["ChatterMessage", "ChatterConversationMember"];

/** Looks at the sign-in, the permissions, the objects and the clock. */
export async function check(context: SourceContext<Settings>): Promise<Finding[]> {
  if (!context.settings.signIn)
    return [{ level: "ok", message: "Only a data export is read; there is nothing to sign in to." }];
  try {
    const session = await openSession(context);
    return [
      { level: "ok", message: "Salesforce accepts the sign-in." },
      ...(await permissions(session)),
      ...(await objects(session, context.settings)),
      ...(await edits(session)),
      ...(await clock(session)),
    ];
  } catch (error) {
    if (!isHansardError(error)) throw error;
    return [{ level: "error", message: error.message, ...(error.remedy && { remedy: error.remedy }) }];
  }
}

async function permissions(session: Session): Promise<Finding[]> {
  return (await lacking(session)).map((name) => ({
    level: name === "View All Data" ? "error" : "warning",
    message: `The integration user lacks the permission ${name}.`,
    remedy: `Add ${name} to its permission set, or accept that what it shows is not captured.`,
  }));
}

async function objects(session: Session, { privateMessages }: Settings): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const object of privateMessages ? [...OBJECTS, ...PRIVATE] : OBJECTS) {
    const fields = await session.fields(object);
    if (!fields)
      findings.push({
        level: "error",
        message: `The integration user cannot see ${object}.`,
        remedy: "Grant the permissions that the connector's README lists.",
      });
  }
  return findings.length > 0 ? findings : [{ level: "ok", message: "All objects of Chatter are visible." }];
}

/** Edits are seen by any of these; without them only where recent posts are read again. */
async function edits(session: Session): Promise<Finding[]> {
  const [posts, revisions] = [await session.fields("FeedItem"), await session.fields("FeedRevision")];
  const telling = [posts?.get("SystemModstamp"), posts?.get("LastEditDate"), revisions?.get("CreatedDate")];
  if (posts === undefined || telling.some((field) => field?.filterable)) return [];
  const message =
    "Salesforce does not tell when posts were edited, so edits of posts older than recentDays are missed.";
  return [{ level: "warning", message, remedy: "Use a newer apiVersion." }];
}

async function clock(session: Session): Promise<Finding[]> {
  const skewMs = Math.abs((await session.serverTime()).getTime() - Date.now());
  if (!(skewMs > SKEW_MS)) return [{ level: "ok", message: "The clocks agree." }];
  return [
    {
      level: "warning",
      message: `This machine's clock differs from Salesforce's by ${Math.round(skewMs / 1000)} seconds.`,
      remedy: "Let NTP set the clock.",
    },
  ];
}
