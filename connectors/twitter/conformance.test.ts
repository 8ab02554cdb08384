import { conformance } from "@hansard/testkit";
import {
  addMessage,
  addPost,
  addUser,
  editPost,
  setLike,
  startXServer,
  type World,
  type WorldMessage,
} from "../../tooling/servers/x/index.ts";
import { connector } from "./src/index.ts";

const MINUTE_MS = 60_000;

conformance(connector, {
  fixtures: new URL("./fixtures/", import.meta.url),
  source: {
    events: 9,
    async start() {
      const server = await startXServer();
      populate(server.world);
      return { ...server, x: server, now: () => new Date(server.world.now) };
    },
    settings({ url, server: { x } }) {
      // What is signed with OAuth 1.0a is signed for one address.
      x.url = url;
      const { account: id, ...oauth1 } = x.signIns.oauth1;
      return {
        apiUrl: url,
        mediaHosts: [new URL(url).host],
        bearerToken: x.signIns.bearerToken,
        accounts: [{ id, streams: ["posts", "mentions", "likes", "directMessages"], oauth1 }],
        deletionDays: 0,
      };
    },
    later: {
      events: 2,
      happen({ server: { x } }) {
        x.world.now += 5 * MINUTE_MS;
        addPost(x.world, { author: "1", text: "New" });
        addPost(x.world, { author: "2", text: "@acme Another question", mentions: ["1"] });
        x.world.now += 5 * MINUTE_MS;
      },
    },
    rateLimited: (retryAt) => ({
      status: 429,
      headers: { "x-rate-limit-reset": String(Math.ceil(retryAt.getTime() / 1000)) },
      body: '{"title":"Too Many Requests"}',
    }),
  },
});

function populate(world: World): void {
  addUser(world, { id: "1", username: "acme" });
  addUser(world, { id: "2", username: "beta" });
  addPost(world, { author: "1", text: "Hello" });
  addPost(world, { author: "1", text: "Of the same instant" });
  const question = addPost(world, { author: "2", text: "@acme A question", mentions: ["1"] });
  world.now += MINUTE_MS;
  addPost(world, { author: "1", text: "An answer", reference: { type: "replied_to", id: question.chain } });
  const edited = addPost(world, { author: "1", text: "Mistaken" });
  world.now += MINUTE_MS;
  editPost(world, edited, "Mended");
  setLike(world, "1", question.chain, true);
  const message = { conversation: "1-2", readers: ["1", "2"], sender: "2", text: "Psst" };
  addMessage(world, { ...message, type: "MessageCreate" });
  addMessage(world, { ...message, type: "ConversationExploded" as WorldMessage["type"] });
  // Past the time in which posts can be edited.
  world.now += 2 * 60 * MINUTE_MS;
}
