import {
  addChannel,
  createRandom,
  createWorld,
  startSlack,
  STRICT,
  type WorldMessage,
} from "../servers/slack/index.ts";

// The local Slack server in a process of its own, so that its work is not counted as the connector's.
const { messages, channels, limits, token } = JSON.parse(process.argv[2] ?? "{}");
const world = createWorld(createRandom(1), STRICT, Date.UTC(2026, 2, 2));
for (let index = 0; index < channels; index += 1) {
  const channel = addChannel(world, "channel", ["U00000000", "U00000011", "U00000022"]);
  for (let count = 0; count < messages / channels; count += 1) {
    world.now += 1000;
    const ts = `${Math.floor(world.now / 1000)}.000100`;
    const text = `Message ${count}: the order of 20 t for <@U00000011> goes out on Monday, as agreed by telephone this morning.`;
    const message: WorldMessage = { ts, user: "U00000000", text, reactions: new Map(), files: [], more: {} };
    channel.messages.set(ts, message);
  }
}
const server = await startSlack(world);
server.limits = limits;
server.tokens.set(token, { kind: "organisation", scopes: ["discovery:read"], user: "" });
process.on("message", () => {
  const histories = server.requests.filter((method) => method === "discovery.conversations.history").length;
  process.send?.({ answered: server.requests.length - server.refused, refused: server.refused, histories });
});
process.send?.({ url: server.url });
