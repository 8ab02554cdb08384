import type { Spelling } from "./parameters.ts";
import { EDIT_WINDOW_MS, type World, type WorldMessage, type WorldPost, findPost, isShown } from "./world.ts";

/** What a request asks to be shown, and how. */
export interface View {
  world: World;
  /** Where the server stands, for the addresses of files. */
  base: string;
  spelling: Spelling;
  query: URLSearchParams;
  /** Whose protected posts may be seen. */
  viewer: string | undefined;
}

export interface Absent {
  value: string;
  resource_id: string;
  resource_type: "tweet";
  parameter: string;
  title: string;
  type: string;
  detail: string;
}

const FULL_LENGTH = 280;

/** A post as X shows it: the fields that were asked for and no others. */
export function renderPost(
  { world, spelling, query }: View,
  post: WorldPost,
  versionId: string,
): Record<string, unknown> {
  const version = post.versions.find(({ id }) => id === versionId) ?? post.versions[0];
  if (!version) throw new Error(`The post ${post.chain} has no version.`);
  const [history, note, referenced] =
    spelling === "tweet"
      ? ["edit_history_tweet_ids", "note_tweet", "referenced_tweets"]
      : ["edit_history_post_ids", "note_post", "referenced_posts"];
  const long = version.text.length > FULL_LENGTH;
  const all: Record<string, unknown> = {
    id: version.id,
    text: escapeText(long ? `${version.text.slice(0, FULL_LENGTH - 1)}…` : version.text),
    [history ?? ""]: post.versions.map(({ id }) => id),
    author_id: post.author,
    created_at: new Date(version.createdAt).toISOString(),
    conversation_id: post.chain,
    public_metrics: { like_count: 0 },
    edit_controls: {
      edits_remaining: 6 - post.versions.length,
      is_edit_eligible: post.editable,
      editable_until: new Date((post.versions[0]?.createdAt ?? 0) + EDIT_WINDOW_MS).toISOString(),
    },
    ...(long && { [note ?? ""]: { text: escapeText(version.text) } }),
    ...(post.reference && { [referenced ?? ""]: [{ type: post.reference.type, id: post.reference.id }] }),
    ...(post.reference?.type === "replied_to" && { in_reply_to_user_id: findPost(world, post.reference.id)?.author }),
    ...(version.media.length > 0 && { attachments: { media_keys: version.media } }),
    ...(post.mentions.length > 0 && {
      entities: { mentions: post.mentions.map((id) => ({ id, username: world.users.get(id)?.username ?? "" })) },
    }),
  };
  const asked = new Set(["id", "text", history, ...(query.get(`${spelling}.fields`) ?? "").split(",")]);
  return Object.fromEntries(Object.entries(all).filter(([name, value]) => asked.has(name) && value !== undefined));
}

/** X gives text as it would stand in a page. */
function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** What stands beside the posts: exactly what the expansions ask for. */
export function includesOf(
  view: View,
  posts: { post: WorldPost; id: string }[],
  parameter: string,
): { includes: object; errors: Absent[] } {
  const { world, spelling, query } = view;
  const referenced = spelling === "tweet" ? "referenced_tweets" : "referenced_posts";
  const history = spelling === "tweet" ? "edit_history_tweet_ids" : "edit_history_post_ids";
  const wanted = new Set((query.get("expansions") ?? "").split(","));
  const users = new Set<string | undefined>();
  const others = new Map<string, WorldPost>();
  const media = new Set<string>();
  const errors: Absent[] = [];
  for (const { post, id } of posts) {
    if (wanted.has("author_id")) users.add(post.author);
    if (wanted.has("entities.mentions.username")) for (const mentioned of post.mentions) users.add(mentioned);
    if (wanted.has(history)) for (const version of post.versions) if (version.id !== id) others.set(version.id, post);
    if (wanted.has("attachments.media_keys"))
      for (const key of post.versions.flatMap((version) => version.media)) media.add(key);
    const target = post.reference && findPost(world, post.reference.id);
    if (post.reference?.type === "replied_to" && wanted.has("in_reply_to_user_id")) users.add(target?.author);
    if (!post.reference || !wanted.has(`${referenced}.id`)) continue;
    const absent = absenceOf(view, post.reference.id, `${referenced}.id`);
    if (absent) errors.push(absent);
    else if (target) others.set(post.reference.id, target);
    if (!absent && target && wanted.has(`${referenced}.id.author_id`)) users.add(target.author);
  }
  const includes = {
    users: [...users].flatMap((id) => (id === undefined ? [] : renderUser(world, id, query))),
    [spelling === "tweet" ? "tweets" : "posts"]: [...others].map(([id, post]) => renderPost(view, post, id)),
    media: [...media].flatMap((key) => renderMedia(view, key)),
  };
  return {
    includes: Object.fromEntries(Object.entries(includes).filter(([, items]) => items.length > 0)),
    errors: parameter ? errors : [],
  };
}

/** Why a post cannot be shown, in X's own form; undefined when it can. */
export function absenceOf({ world, viewer }: View, id: string, parameter: string): Absent | undefined {
  const post = findPost(world, id);
  const base = { value: id, resource_id: id, resource_type: "tweet" as const, parameter };
  const author = post && world.users.get(post.author);
  if (!post || !isShown(world, post)) {
    return {
      ...base,
      title: "Not Found Error",
      type: "https://api.x.com/2/problems/resource-not-found",
      detail: `Could not find tweet with ${parameter}: [${id}].`,
    };
  }
  if (author?.suspended)
    return {
      ...base,
      title: "Forbidden",
      type: "https://api.x.com/2/problems/resource-not-found",
      detail: `User has been suspended: [${author.id}].`,
    };
  if (author?.protected && viewer !== author.id) {
    const detail = `Sorry, you are not authorized to see the Tweet with ${parameter}: [${id}].`;
    return {
      ...base,
      title: "Authorization Error",
      type: "https://api.x.com/2/problems/not-authorized-for-resource",
      detail,
    };
  }
  return undefined;
}

export function renderUser(world: World, id: string, query: URLSearchParams): Record<string, unknown>[] {
  const user = world.users.get(id);
  if (!user) return [];
  const posts = [...world.posts.values()].filter((post) => post.author === id && isShown(world, post)).length;
  const all: Record<string, unknown> = {
    ...user,
    public_metrics: { tweet_count: posts, followers_count: 0 },
    verified: false,
    suspended: undefined,
  };
  const asked = new Set(["id", "name", "username", ...(query.get("user.fields") ?? "").split(",")]);
  return [Object.fromEntries(Object.entries(all).filter(([name, value]) => asked.has(name) && value !== undefined))];
}

function renderMedia({ world, base, query }: View, key: string): Record<string, unknown>[] {
  const media = world.media.get(key);
  if (!media) return [];
  const path =
    media.message === undefined
      ? `/media/${key}.jpg`
      : `/1.1/ton/data/dm/${media.message}/${key.replace(/^\d+_/, "")}/${key}.jpg`;
  const video = {
    variants: [2, 8, 5].map((rate) => ({
      url: `${base}/video/${key}-${rate}.mp4`,
      content_type: "video/mp4",
      bit_rate: rate * 100_000,
    })),
  };
  const all = { media_key: key, type: media.type, ...(media.type === "photo" ? { url: `${base}${path}` } : video) };
  const asked = new Set(["media_key", "type", ...(query.get("media.fields") ?? "").split(",")]);
  return [Object.fromEntries(Object.entries(all).filter(([name]) => asked.has(name)))];
}

export function renderMessage({ query }: View, message: WorldMessage): Record<string, unknown> {
  const all: Record<string, unknown> = {
    id: message.id,
    event_type: message.type,
    created_at: new Date(message.createdAt).toISOString(),
    dm_conversation_id: message.conversation,
    sender_id: message.sender,
    ...(message.type === "MessageCreate" ? { text: message.text } : { participant_ids: message.participants }),
    ...(message.media.length > 0 && { attachments: { media_keys: message.media } }),
  };
  const asked = new Set(["id", "event_type", "text", ...(query.get("dm_event.fields") ?? "").split(",")]);
  return Object.fromEntries(Object.entries(all).filter(([name]) => asked.has(name)));
}

export function messageIncludes(view: View, messages: WorldMessage[]): object {
  const { world, query } = view;
  const wanted = new Set((query.get("expansions") ?? "").split(","));
  const users = new Set(
    messages.flatMap(({ sender, participants }) => [
      ...(wanted.has("sender_id") ? [sender] : []),
      ...(wanted.has("participant_ids") ? participants : []),
    ]),
  );
  const media = wanted.has("attachments.media_keys") ? messages.flatMap((message) => message.media) : [];
  return {
    users: [...users].flatMap((id) => renderUser(world, id, query)),
    media: media.flatMap((key) => renderMedia(view, key)),
  };
}
