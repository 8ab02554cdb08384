import { MemoryJournal } from "@hansard/testkit";
import {
  addChannel,
  ALL_SCOPES,
  createRandom,
  createWorld,
  type SlackServer,
  startSlack,
  STRICT,
  type World,
  type WorldChannel,
} from "../../../tooling/servers/slack/index.ts";
import type { Run } from "./harness.ts";

/** A Slack with one channel in which nothing was said yet, and a journal that holds nothing of it. */
export interface OneChannel {
  server: SlackServer;
  world: World;
  channel: WorldChannel;
  /** Reads by the Web API, as a person who is in the channel. */
  run: Run;
  /** Reads by the Discovery API, into the same journal. */
  discovery: Run;
}

export async function openOneChannel(): Promise<OneChannel> {
  const world = createWorld(createRandom(3), STRICT, Date.UTC(2026, 2, 2, 8));
  const channel = addChannel(world, "channel", ["U00000000", "U00000011"]);
  const server = await startSlack(world);
  server.tokens.set("xoxp-person", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" });
  server.tokens.set("xoxp-organisation", { kind: "organisation", scopes: ["discovery:read"], user: "" });
  const apiUrl = `${server.url}/api/`;
  const input = { mode: "web", token: "xoxp-person", apiUrl, historyPerMinute: 1_000_000 };
  const run: Run = { server, journal: new MemoryJournal(), input, crash: () => undefined };
  const unlimited = { requestsPerMinute: 1_000_000, requestsPerSecond: 1_000_000 };
  const discovery = { ...run, input: { mode: "discovery", token: "xoxp-organisation", apiUrl, ...unlimited } };
  return { server, world, channel, run, discovery };
}
