export type Query = Record<string, string | undefined>;

/** All that is asked of a post and of what stands around it, in the spelling of before 2026-08. */
export const POST_QUERY = {
  "tweet.fields":
    "article,attachments,author_id,community_id,conversation_id,created_at,edit_controls,edit_history_tweet_ids," +
    "entities,id,in_reply_to_user_id,lang,note_tweet,possibly_sensitive,public_metrics,referenced_tweets,source,text",
  expansions:
    "attachments.media_keys,attachments.poll_ids,author_id,edit_history_tweet_ids,entities.mentions.username," +
    "in_reply_to_user_id,referenced_tweets.id,referenced_tweets.id.author_id",
  "user.fields": "id,name,username,protected,verified",
  "media.fields": "alt_text,duration_ms,height,media_key,preview_image_url,type,url,variants,width",
  "poll.fields": "duration_minutes,end_datetime,id,options,voting_status",
} satisfies Query;

/** Every kind of event, named or not: one that is new must not be left out. */
export const DIRECT_MESSAGE_QUERY = {
  "dm_event.fields":
    "attachments,created_at,dm_conversation_id,entities,event_type,id,participant_ids,referenced_tweets,sender_id,text",
  expansions: "attachments.media_keys,participant_ids,referenced_tweets.id,sender_id",
  "tweet.fields": POST_QUERY["tweet.fields"],
  "user.fields": POST_QUERY["user.fields"],
  "media.fields": POST_QUERY["media.fields"],
} satisfies Query;

const RESPELLED: Record<string, string> = {
  edit_history_tweet_ids: "edit_history_post_ids",
  note_tweet: "note_post",
  referenced_tweets: "referenced_posts",
  "referenced_tweets.id": "referenced_posts.id",
  "referenced_tweets.id.author_id": "referenced_posts.id.author_id",
};

/** The query in the words that X takes: it is renaming tweets to posts. */
export function respell(query: Query, words: "tweet" | "post"): Record<string, string> {
  const present = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  if (words === "tweet") return Object.fromEntries(present);
  return Object.fromEntries(
    present.map(([name, value]) => [
      name === "tweet.fields" ? "post.fields" : name,
      isSpelt(name)
        ? value
            .split(",")
            .map((word) => RESPELLED[word] ?? word)
            .join(",")
        : value,
    ]),
  );
}

/** Whether the parameter's name or value differs between the spellings. */
export function isSpelt(name: string): boolean {
  return name.endsWith(".fields") || name === "expansions";
}
