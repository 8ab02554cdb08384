import type { Secret } from "@hansard/core";
import type { WebSettings } from "../../schema.ts";
import type { SlackPage } from "../page.ts";
import type { LiveContext } from "./reading.ts";
import { enterSlack } from "./run.ts";
import { openSocket } from "./socket-connection.ts";
import { archiveTold, beginTelling, settleTold, type Telling } from "./socket-events.ts";

const MINUTE_MS = 60_000;

/**
 * Listens for `socketMinutes`. Slack hears that an event was received only once the page that holds it is in the
 * journal, which it is when this generator is resumed; until then Slack tells it again.
 */
export async function* readSocket(
  context: LiveContext,
  settings: WebSettings,
  appToken: Secret,
): AsyncGenerator<SlackPage> {
  const source = await enterSlack(context);
  const telling = beginTelling(context, source, await source.directory());
  yield* listen(telling, settings, appToken);
  if (!context.signal.aborted) yield* settleTold(telling);
}

async function* listen(telling: Telling, settings: WebSettings, appToken: Secret): AsyncGenerator<SlackPage> {
  const { context, source } = telling;
  const deadlineMs = performance.now() + settings.socketMinutes * MINUTE_MS;
  await using socket = await openSocket({
    appToken,
    apiUrl: settings.apiUrl,
    fetch: source.api.fetch,
    signal: context.signal,
  });
  for (;;) {
    const envelopes = await socket.receive(deadlineMs);
    if (envelopes.length === 0) return;
    for (const { event } of envelopes) await archiveTold(telling, event);
    const page = telling.page.take();
    if (page) yield page;
    await Promise.all(envelopes.map(({ acknowledge }) => acknowledge()));
    if (context.signal.aborted) return;
  }
}
