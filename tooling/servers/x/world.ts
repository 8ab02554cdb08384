/** The state of the pretended X and its log of what truly happened, against which an archive is compared. */
export interface World {
  /** Milliseconds since 1970, as the server tells them. Tests move it. */
  now: number;
  users: Map<string, WorldUser>;
  posts: Map<string, WorldPost>;
  messages: WorldMessage[];
  /** What was said in conversations that are encrypted from end to end. */
  encrypted: EncryptedMessage[];
  /** By account: ids of posts, the newest like first. */
  likes: Map<string, string[]>;
  media: Map<string, WorldMedia>;
  /** Every thing that happened, in its order. */
  truth: Truth[];
  /** How many ids were given out. */
  ids: number;
}

export type Truth =
  | { what: "post"; author: string; chain: string; id: string; text: string }
  | { what: "delete"; chain: string }
  | { what: "message"; id: string; conversation: string; text: string }
  | { what: "like" | "unlike"; account: string; post: string };

export interface WorldUser {
  id: string;
  username: string;
  name: string;
  protected: boolean;
  suspended: boolean;
}

/** One post with all its versions, the oldest first. */
export interface WorldPost {
  chain: string;
  author: string;
  versions: { id: string; text: string; createdAt: number; media: string[] }[];
  /** From when on it is shown: some are shown late. */
  shownAt: number;
  deleted: boolean;
  reference?: { type: "retweeted" | "quoted" | "replied_to"; id: string };
  mentions: string[];
  /** Above 280 characters X cuts the text and gives the whole apart. */
  editable: boolean;
}

export interface WorldMessage {
  id: string;
  type: "MessageCreate" | "ParticipantsJoin" | "ParticipantsLeave";
  conversation: string;
  /** Who can read it. */
  readers: string[];
  sender: string;
  participants: string[];
  text: string;
  createdAt: number;
  media: string[];
}

export interface EncryptedMessage {
  id: string;
  /** As X writes it in answers: `1:3`, or `g` and a number. */
  conversation: string;
  /** Who can decrypt it. */
  readers: string[];
  sender: string;
  createdAt: number;
}

export interface WorldMedia {
  key: string;
  type: "photo" | "video";
  bytes: Uint8Array;
  /** For a direct message's file: the message that it belongs to. */
  message?: string;
  /** Its storage fails, while its address is told. */
  down?: boolean;
}

export const EDIT_WINDOW_MS = 60 * 60_000;
const EPOCH_MS = 1_288_834_974_657n;

export function createWorld(now: number): World {
  return {
    now,
    users: new Map(),
    posts: new Map(),
    messages: [],
    encrypted: [],
    likes: new Map(),
    media: new Map(),
    truth: [],
    ids: 0,
  };
}

/** An id as X makes them: the time, then a running number. */
export function newId(world: World): string {
  world.ids = (world.ids + 1) % 0x3f_ffff;
  return String(((BigInt(world.now) - EPOCH_MS) << 22n) | BigInt(world.ids));
}

export function addUser(world: World, user: Pick<WorldUser, "id" | "username"> & Partial<WorldUser>): WorldUser {
  const added = { name: user.username, protected: false, suspended: false, ...user };
  world.users.set(user.id, added);
  return added;
}

export interface NewPost {
  author: string;
  text: string;
  reference?: WorldPost["reference"];
  mentions?: string[];
  media?: string[];
  lateMs?: number;
}

export function addPost(
  world: World,
  { author, text, reference, mentions = [], media = [], lateMs = 0 }: NewPost,
): WorldPost {
  const id = newId(world);
  const editable = reference?.type !== "retweeted";
  const versions = [{ id, text, createdAt: world.now, media }];
  const post = {
    chain: id,
    author,
    versions,
    shownAt: world.now + lateMs,
    deleted: false,
    mentions,
    editable,
    ...(reference && { reference }),
  };
  world.posts.set(id, post);
  world.truth.push({ what: "post", author, chain: id, id, text });
  return post;
}

/** X allows five edits within the time of editing. */
export function editPost(world: World, post: WorldPost, text: string): boolean {
  const first = post.versions[0];
  if (
    !first ||
    post.deleted ||
    !post.editable ||
    post.versions.length > 5 ||
    world.now >= first.createdAt + EDIT_WINDOW_MS
  )
    return false;
  const id = newId(world);
  post.versions.push({ id, text, createdAt: world.now, media: first.media });
  world.truth.push({ what: "post", author: post.author, chain: post.chain, id, text });
  return true;
}

export function deletePost(world: World, post: WorldPost): void {
  if (post.deleted) return;
  post.deleted = true;
  world.truth.push({ what: "delete", chain: post.chain });
  for (const [account, posts] of world.likes)
    world.likes.set(
      account,
      posts.filter((id) => id !== post.chain),
    );
}

export function addMessage(
  world: World,
  message: Omit<WorldMessage, "id" | "createdAt" | "media" | "participants"> & Partial<WorldMessage>,
): WorldMessage {
  const added = { participants: [], media: [], ...message, id: newId(world), createdAt: world.now };
  world.messages.push(added);
  world.truth.push({ what: "message", id: added.id, conversation: added.conversation, text: added.text });
  return added;
}

export function addEncrypted(
  world: World,
  message: Pick<EncryptedMessage, "conversation" | "readers" | "sender">,
): EncryptedMessage {
  const added = { ...message, id: newId(world), createdAt: world.now };
  world.encrypted.push(added);
  return added;
}

export function setLike(world: World, account: string, post: string, liked: boolean): void {
  const others = (world.likes.get(account) ?? []).filter((id) => id !== post);
  world.likes.set(account, liked ? [post, ...others] : others);
  world.truth.push({ what: liked ? "like" : "unlike", account, post });
}

/** The post of which `id` is a version. */
export function findPost(world: World, id: string): WorldPost | undefined {
  return (
    world.posts.get(id) ??
    [...world.posts.values()].find(({ versions }) => versions.some((version) => version.id === id))
  );
}

export function isShown(world: World, post: WorldPost): boolean {
  return !post.deleted && post.shownAt <= world.now;
}
