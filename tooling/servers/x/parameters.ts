import { Refusal } from "./refusal.ts";

export type Spelling = "tweet" | "post";

/** What a method takes: its parameters with the values that are allowed. */
export type Parameters = Record<string, (value: string) => boolean>;

const list = (allowed: string) => (value: string) =>
  value.split(",").every((word) => allowed.split(",").includes(word));
const number = (low: number, high: number) => (value: string) =>
  /^\d+$/.test(value) && Number(value) >= low && Number(value) <= high;
const id = (value: string) => /^\d{1,19}$/.test(value);
const time = (value: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value);
const any = (value: string) => value !== "";

const USER_FIELDS = list("created_at,description,id,name,protected,public_metrics,username,verified,withheld");
const MEDIA_FIELDS = list(
  "alt_text,duration_ms,height,media_key,preview_image_url,public_metrics,type,url,variants,width",
);
const POLL_FIELDS = list("duration_minutes,end_datetime,id,options,voting_status");

/** X is renaming tweets to posts: names and values differ, paths do not. */
function postParameters(spelling: Spelling): Parameters {
  const [history, note, referenced] =
    spelling === "tweet"
      ? ["edit_history_tweet_ids", "note_tweet", "referenced_tweets"]
      : ["edit_history_post_ids", "note_post", "referenced_posts"];
  const fields = list(
    `article,attachments,author_id,community_id,conversation_id,created_at,edit_controls,entities,geo,id,in_reply_to_user_id,lang,possibly_sensitive,public_metrics,source,text,${history ?? ""},${note ?? ""},${referenced ?? ""}`,
  );
  return {
    [`${spelling}.fields`]: fields,
    expansions: list(
      `attachments.media_keys,attachments.poll_ids,author_id,entities.mentions.username,geo.place_id,in_reply_to_user_id,${history ?? ""},${referenced ?? ""}.id,${referenced ?? ""}.id.author_id`,
    ),
    "user.fields": USER_FIELDS,
    "media.fields": MEDIA_FIELDS,
    "poll.fields": POLL_FIELDS,
    "place.fields": any,
  };
}

export function timelineParameters(spelling: Spelling): Parameters {
  return {
    ...postParameters(spelling),
    max_results: number(5, 100),
    since_id: id,
    until_id: id,
    start_time: time,
    end_time: time,
    pagination_token: any,
  };
}

export function likeParameters(spelling: Spelling): Parameters {
  return { ...postParameters(spelling), max_results: number(5, 100), pagination_token: any };
}

export function searchParameters(spelling: Spelling): Parameters {
  return { ...timelineParameters(spelling), max_results: number(10, 500), next_token: any, query: any };
}

export function lookupParameters(spelling: Spelling): Parameters {
  return { ...postParameters(spelling), ids: (value) => value.split(",").length <= 100 && value.split(",").every(id) };
}

export function messageParameters(spelling: Spelling): Parameters {
  const referenced = spelling === "tweet" ? "referenced_tweets" : "referenced_posts";
  return {
    "dm_event.fields": list(
      `attachments,created_at,dm_conversation_id,entities,event_type,id,participant_ids,${referenced},sender_id,text`,
    ),
    event_types: list("MessageCreate,ParticipantsJoin,ParticipantsLeave"),
    expansions: list(`attachments.media_keys,participant_ids,${referenced}.id,sender_id`),
    [`${spelling}.fields`]: any,
    "user.fields": USER_FIELDS,
    "media.fields": MEDIA_FIELDS,
    max_results: number(1, 100),
    pagination_token: any,
  };
}

export function conversationParameters(): Parameters {
  return {
    "chat_conversation.fields": list(
      "created_at,group_avatar_url,group_name,id,is_muted,message_ttl_ms,screen_capture_blocking_enabled,type,updated_at",
    ),
    expansions: list("admin_ids,member_ids,participant_ids"),
    "user.fields": USER_FIELDS,
    max_results: number(1, 100),
    pagination_token: any,
  };
}

export function chatEventParameters(): Parameters {
  return {
    "chat_message_event.fields": list(
      "conversation_id,conversation_token,created_at_msec,encoded_event,id,is_trusted,message_event_signature,previous_sequence_id,sender_id,sequence_id",
    ),
    max_results: number(1, 100),
    pagination_token: any,
  };
}

export function userParameters(): Parameters {
  return { "user.fields": USER_FIELDS };
}

/** Refuses what the method does not take, in the form in which X refuses. */
export function checkParameters(query: URLSearchParams, allowed: Parameters): void {
  const errors = [...query].flatMap(([name, value]) => {
    const valid = allowed[name];
    if (valid === undefined)
      return [
        {
          parameters: { [name]: [value] },
          message: `The query parameter [${name}] is not one of [${Object.keys(allowed).join(",")}]`,
        },
      ];
    return valid(value)
      ? []
      : [{ parameters: { [name]: [value] }, message: `The \`${name}\` query parameter value [${value}] is not valid` }];
  });
  if (errors.length > 0) throw invalid(errors);
}

export function invalid(errors: { parameters: Record<string, string[]>; message: string }[]): Refusal {
  return new Refusal(400, {
    errors,
    title: "Invalid Request",
    detail: "One or more parameters to your request was invalid.",
    type: "https://api.x.com/2/problems/invalid-request",
  });
}
