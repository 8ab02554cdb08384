import type { Json, SourceContext } from "@hansard/core";
import type { LiveSettings } from "../../schema.ts";
import { toEvent } from "../events.ts";
import { secondsOf } from "../timestamp.ts";
import { stringAt } from "../../schema/json.ts";
import { isLiveExcluded } from "./agenda.ts";
import type { LiveConversation, LiveSource } from "./live-source.ts";
import { enterSlack } from "./run.ts";
import { BEGINNING } from "./slack-time.ts";
import { threadIn } from "./threads.ts";

interface Key {
  key: string;
  version?: string;
}

/** Walks everything that Slack shows, for the keys alone. Slack has no cheaper way, so it takes as long as a first read. */
export async function* enumerateSlack(context: SourceContext<LiveSettings>): AsyncGenerator<Key> {
  const source = await enterSlack(context);
  const { conversations } = await source.directory();
  for (const place of conversations.values())
    if (!isLiveExcluded(context.settings, place)) yield* enumerateConversation(context, source, place);
}

async function* enumerateConversation(
  { startedAt, signal }: SourceContext<LiveSettings>,
  source: LiveSource,
  place: LiveConversation,
): AsyncGenerator<Key> {
  const met = new Set<string>();
  for await (const messages of source.history(place, { oldest: BEGINNING, latest: secondsOf(startedAt) })) {
    signal.throwIfAborted();
    for (const data of messages) {
      yield* once(data);
      const thread = threadIn(data);
      if (!thread) continue;
      for await (const replies of source.replies(place, { ts: thread.ts, data }, (ts) => met.has(ts)))
        for (const reply of replies) yield* once(reply);
    }
  }

  function* once(data: Json): Generator<Key> {
    const ts = stringAt(data, "ts");
    if (ts !== undefined && met.has(ts)) return;
    if (ts !== undefined) met.add(ts);
    const { key, version } = toEvent(data, { conversation: place.id, unit: "live", startedAt });
    yield version === undefined ? { key } : { key, version };
  }
}
