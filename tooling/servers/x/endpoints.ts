import { chatEvents, conversations } from "./chat.ts";
import type { Faults } from "./faults.ts";
import type { Limit } from "./limits.ts";
import { cut } from "./pages.ts";
import * as parameters from "./parameters.ts";
import type { Random } from "../../random.ts";
import { type Refusal, problem } from "./refusal.ts";
import {
  type Absent,
  type View,
  absenceOf,
  includesOf,
  messageIncludes,
  renderMessage,
  renderPost,
  renderUser,
} from "./render.ts";
import type { Caller, Need } from "./sign-in.ts";
import { type World, type WorldPost, findPost, isShown } from "./world.ts";

/** What a method is called with. */
export interface Call {
  view: View;
  caller: Caller;
  path: string[];
  faults: Faults;
  random: Random;
}

export interface Endpoint {
  name: string;
  path: RegExp;
  need: Need;
  limit: Limit;
  parameters(spelling: parameters.Spelling): parameters.Parameters;
  answer(call: Call): object;
}

const POST_CAP = 3200;
const MENTION_CAP = 800;
const MESSAGE_REACH_MS = 30 * 86_400_000;
const SEARCH_REACH_MS = 30 * 86_400_000;
const READ = ["tweet.read", "users.read"];

export const ENDPOINTS: Endpoint[] = [
  {
    name: "user",
    path: /^\/2\/users\/(\d+)$/,
    need: { app: true, user: true, scopes: READ },
    limit: { app: 300, user: 900 },
    parameters: parameters.userParameters,
    answer: user,
  },
  {
    name: "timeline",
    path: /^\/2\/users\/(\d+)\/tweets$/,
    need: { app: true, user: true, scopes: READ },
    limit: { app: 10_000, user: 900 },
    parameters: parameters.timelineParameters,
    answer: timeline,
  },
  {
    name: "mentions",
    path: /^\/2\/users\/(\d+)\/mentions$/,
    need: { app: true, user: true, scopes: READ },
    limit: { app: 450, user: 300 },
    parameters: parameters.timelineParameters,
    answer: mentions,
  },
  {
    name: "likes",
    path: /^\/2\/users\/(\d+)\/liked_tweets$/,
    need: { app: true, user: true, scopes: [...READ, "like.read"] },
    limit: { app: 75, user: 75 },
    parameters: parameters.likeParameters,
    answer: likes,
  },
  {
    name: "lookup",
    path: /^\/2\/tweets$/,
    need: { app: true, user: true, scopes: READ },
    limit: { app: 3500, user: 5000 },
    parameters: parameters.lookupParameters,
    answer: lookup,
  },
  {
    name: "search",
    path: /^\/2\/tweets\/search\/all$/,
    need: { app: true, user: false, scopes: [] },
    limit: { app: 300, user: 0 },
    parameters: parameters.searchParameters,
    answer: search,
  },
  {
    name: "messages",
    path: /^\/2\/dm_events$/,
    need: { app: false, user: true, scopes: [...READ, "dm.read"] },
    limit: { app: 0, user: 15 },
    parameters: parameters.messageParameters,
    answer: messages,
  },
  {
    name: "conversations",
    path: /^\/2\/chat\/conversations$/,
    need: { app: false, user: true, scopes: [...READ, "dm.read"] },
    limit: { app: 0, user: 15 },
    parameters: parameters.conversationParameters,
    answer: conversations,
  },
  {
    name: "chat events",
    path: /^\/2\/chat\/conversations\/(\d+-\d+|g\d+)\/events$/,
    need: { app: false, user: true, scopes: [...READ, "dm.read"] },
    limit: { app: 0, user: 15 },
    parameters: parameters.chatEventParameters,
    answer: chatEvents,
  },
];

function user({ view, path: [id = ""] }: Call): object {
  const [found] = renderUser(view.world, id, view.query);
  if (found) return { data: found };
  return {
    errors: [
      {
        value: id,
        resource_id: id,
        resource_type: "user",
        parameter: "id",
        title: "Not Found Error",
        type: "https://api.x.com/2/problems/resource-not-found",
        detail: `Could not find user with id: [${id}].`,
      },
    ],
  };
}

function timeline(call: Call): object {
  const [id = ""] = call.path;
  const hidden = hiddenAccount(call, id);
  if (hidden) return { errors: [hidden] };
  return postPage(
    call,
    newestFirst(call.view.world)
      .filter(({ author }) => author === id)
      .slice(0, POST_CAP),
  );
}

function mentions(call: Call): object {
  const [id = ""] = call.path;
  const found = newestFirst(call.view.world).filter(
    (post) => post.mentions.includes(id) && post.author !== id && !absenceOf(call.view, post.chain, "id"),
  );
  return postPage(call, found.slice(0, MENTION_CAP));
}

/** Since 2026-05 reposts are not found by search; without a start it reaches back a month. */
function search(call: Call): object {
  const { view } = call;
  const from = /^from:(\d+)$/.exec(view.query.get("query") ?? "")?.[1];
  if (from === undefined)
    throw parameters.invalid([
      { parameters: { query: [view.query.get("query") ?? ""] }, message: "Only from: is understood here." },
    ]);
  const start = view.query.get("start_time");
  const since = start === null ? view.world.now - SEARCH_REACH_MS : Date.parse(start);
  const found = newestFirst(view.world).filter(
    (post) =>
      post.author === from && post.reference?.type !== "retweeted" && (post.versions[0]?.createdAt ?? 0) >= since,
  );
  return postPage(call, found);
}

function likes(call: Call): object {
  const { view, path } = call;
  const [id = ""] = path;
  const hidden = hiddenAccount(call, id);
  if (hidden) return { errors: [hidden] };
  const liked = (view.world.likes.get(id) ?? []).flatMap((post) => findPost(view.world, post) ?? []);
  return postPage(
    call,
    liked.filter((post) => !absenceOf(view, post.chain, "id")),
  );
}

function lookup({ view }: Call): object {
  const ids = (view.query.get("ids") ?? "").split(",");
  const errors: Absent[] = ids.flatMap((id) => absenceOf(view, id, "ids") ?? []);
  const absent = new Set(errors.map(({ resource_id }) => resource_id));
  const posts = ids.flatMap((id) => {
    const post = absent.has(id) ? undefined : findPost(view.world, id);
    return post ? [{ post, id }] : [];
  });
  const beside = includesOf(view, posts, "ids");
  return withoutEmpty({
    data: posts.map(({ post, id }) => renderPost(view, post, id)),
    includes: beside.includes,
    errors: [...errors, ...beside.errors],
  });
}

function messages(call: Call): object {
  const { view, caller } = call;
  if (caller.kind !== "user") throw problem(403, "Forbidden", "Forbidden");
  const types = view.query.get("event_types")?.split(",");
  const seen = view.world.messages
    .filter(
      ({ readers, createdAt, type }) =>
        readers.includes(caller.account) &&
        createdAt > view.world.now - MESSAGE_REACH_MS &&
        (types?.includes(type) ?? true),
    )
    .toReversed();
  const { items, meta } = cut(call, seen, ({ id }) => id);
  return withoutEmpty({
    data: items.map((message) => renderMessage(view, message)),
    includes: messageIncludes(view, items),
    meta,
  });
}

/** An account that the caller may not see is no failure to X: status 200, and no posts. */
function hiddenAccount({ view }: Call, id: string): object | undefined {
  const account = view.world.users.get(id);
  if (account && !account.suspended && (!account.protected || view.viewer === id)) return undefined;
  const base = { value: id, resource_id: id, resource_type: "user", parameter: "id" };
  if (account?.protected && !account.suspended) {
    return {
      ...base,
      title: "Authorization Error",
      type: "https://api.x.com/2/problems/not-authorized-for-resource",
      detail: `Sorry, you are not authorized to see the user with id: [${id}].`,
    };
  }
  return {
    ...base,
    title: account ? "Forbidden" : "Not Found Error",
    type: "https://api.x.com/2/problems/resource-not-found",
    detail: account ? `User has been suspended: [${id}].` : `Could not find user with id: [${id}].`,
  };
}

function newestFirst(world: World): WorldPost[] {
  return [...world.posts.values()]
    .filter((post) => isShown(world, post))
    .toSorted((left, right) => Number(BigInt(right.chain) - BigInt(left.chain)));
}

function postPage(call: Call, posts: WorldPost[]): object {
  const { query } = call.view;
  const since = BigInt(query.get("since_id") ?? "0");
  const until = query.get("until_id");
  const within = posts.filter(
    ({ chain }) => BigInt(chain) > since && (until === null || BigInt(chain) < BigInt(until)),
  );
  const { items, meta } = cut(call, within, ({ chain }) => chain);
  const shown = items.map((post) => ({ post, id: post.versions.at(-1)?.id ?? post.chain }));
  const { includes, errors } = includesOf(call.view, shown, "id");
  const ids = shown.map(({ id }) => id);
  const ends = ids.length > 0 ? { newest_id: ids[0], oldest_id: ids.at(-1) } : {};
  return withoutEmpty({
    data: shown.map(({ post, id }) => renderPost(call.view, post, id)),
    includes,
    errors,
    meta: { ...meta, ...ends },
  });
}

function withoutEmpty(answer: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(answer).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  );
}

export function unknownPath(path: string): Refusal {
  return problem(404, "Not Found", `There is nothing at ${path}.`);
}
