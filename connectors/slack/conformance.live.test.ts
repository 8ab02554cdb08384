import { conformance } from "@hansard/testkit";
import {
  addChannel,
  ALL_SCOPES,
  createRandom,
  createWorld,
  post,
  type SlackServer,
  startSlack,
  STRICT,
  type World,
} from "../../tooling/servers/slack/index.ts";
import { describe } from "vitest";
import { connector } from "./src/index.ts";

const TOKEN = "xoxp-a-token-of-the-test";
const START = Date.UTC(2026, 2, 2, 9);
const LARGE = 8000;

interface Copy extends SlackServer {
  now: () => Date;
}

describe.each([
  ["discovery", { kind: "organisation", scopes: ["discovery:read"], user: "" }],
  ["web", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" }],
] as const)("mode %s", (mode, token) => {
  conformance<Copy>(connector, {
    fixtures: new URL("./fixtures/", import.meta.url),
    source: {
      events: 9,
      secrets: [TOKEN],
      settings: ({ url }) => ({
        mode,
        token: TOKEN,
        apiUrl: `${url}/api/`,
        ...(mode === "discovery"
          ? { requestsPerMinute: 1_000_000, requestsPerSecond: 1_000_000 }
          : { historyPerMinute: 1_000_000 }),
      }),
      async start({ large }) {
        const world = createWorld(createRandom(7), STRICT, START);
        fill(world, large);
        const server = await startSlack(world);
        server.tokens.set(TOKEN, { ...token, scopes: [...token.scopes] });
        server.pageSize = () => (large ? 500 : 3);
        return Object.assign(server, { now: () => new Date(world.now) });
      },
      later: {
        events: 3,
        happen({ server: { world } }) {
          world.now += 3_600_000;
          const [first] = world.channels.values();
          if (!first) throw new Error("There is no channel.");
          const [root] = first.messages.keys();
          post(world, first);
          post(world, first);
          if (root !== undefined) post(world, first, { thread: root });
          world.now += 2000;
        },
      },
      large: { events: LARGE },
    },
  });
});

/** Two channels; one message is of an unknown kind, and two are of the same time. */
function fill(world: World, large: boolean): void {
  const channel = addChannel(world, "channel", ["U00000000", "U00000011"]);
  if (large) {
    for (let count = 0; count < LARGE; count += 1) {
      world.now += 1000;
      post(world, channel, { text: `${count} ${"text ".repeat(200)}` });
    }
    world.now += 2000;
    return;
  }
  const root = post(world, channel);
  post(world, channel);
  world.now += 60_000;
  post(world, channel, { thread: root.ts });
  post(world, channel, { subtype: "hologram", more: { shape: "cube" } });
  post(world, channel, { reactions: new Map([["tada", new Set(["U00000011"])]]) });
  const other = addChannel(world, "private", ["U00000000", "U00000011"]);
  post(world, other);
  post(world, other);
  post(world, other);
  world.now += 2000;
}
