import type { Partition, SourceContext } from "@hansard/core";
import { z } from "zod";
import type { DiscoverySettings, LiveSettings } from "../../schema.ts";
import { secondsOf } from "../timestamp.ts";
import { discoverChanged, discoverConversation } from "./discovery-directory.ts";
import type { LiveConversation, LiveDirectory, LiveSource } from "./live-source.ts";
import { dueConversations, forgetDue } from "./due.ts";
import { enterSlack } from "./run.ts";
import { hoursBefore, millisecondsOf } from "./slack-time.ts";

/** Which conversations must be read, durable so that none is forgotten when a run ends before its time. */
const Agenda = z.object({
  /** Counts the runs that wrote one. */
  number: z.int(),
  /** When Slack was last asked what changed, and when all conversations were last due. */
  looked: z.string(),
  swept: z.string(),
  pending: z.array(z.string()),
});
type Agenda = z.infer<typeof Agenda>;

/** The partition of what Slack tells as it happens. */
export const SOCKET = "socket";
const DAY_MS = 86_400_000;
/** Slack's list of changes may lag behind. */
const LOOK_BACK_HOURS = 1;

export async function livePartitions(context: SourceContext<LiveSettings>): Promise<Partition[]> {
  return listPartitions(context).catch((error: unknown) => {
    // A run that is ended while it still looks for what there is has nothing to read.
    if (context.signal.aborted) return [];
    throw error;
  });
}

async function listPartitions(context: SourceContext<LiveSettings>): Promise<Partition[]> {
  const source = await enterSlack(context);
  const directory = await source.directory();
  const { settings } = context;
  const ids =
    settings.mode === "discovery"
      ? await planDiscovery({ ...context, settings }, source, directory)
      : [...directory.conversations.keys()];
  // Listening begins first, so that nothing which happens during the reading is missed.
  const socket = settings.mode === "web" && settings.appToken ? [{ id: SOCKET, name: "Socket Mode" }] : [];
  const conversations = ids.flatMap((id) => {
    const place = directory.conversations.get(id);
    if (!place || isLiveExcluded(settings, place)) return [];
    return [{ id, name: `${place.workspace}/${place.name}` }];
  });
  return [...socket, ...conversations];
}

export function isLiveExcluded({ excludeChannels }: LiveSettings, { id, name }: LiveConversation): boolean {
  return excludeChannels.some((channel) => channel === id || channel.replace(/^#/, "") === name);
}

/** An organisation has more conversations than can be read each time: those that changed, those still owed, and all from time to time. */
async function planDiscovery(
  context: SourceContext<DiscoverySettings>,
  source: LiveSource,
  directory: LiveDirectory,
): Promise<string[]> {
  const { settings, startedAt, state } = context;
  const now = secondsOf(startedAt);
  const before = parseAgenda(await state.get("agenda"));
  const isSweepDue = !before || millisecondsOf(now) - millisecondsOf(before.swept) >= settings.sweepDays * DAY_MS;
  const since = before && !isSweepDue ? hoursBefore(before.looked, LOOK_BACK_HOURS) : now;
  const changed = await discoverChanged(source.api, since, now);
  for (const [id, team] of changed) {
    if (directory.conversations.has(id)) continue;
    const found = await discoverConversation(source.api, id, team);
    if (found) directory.conversations.set(id, found);
  }
  const owed: string[] = [];
  for (const id of before?.pending ?? []) if ((await state.get(doneName(id))) !== String(before?.number)) owed.push(id);
  const due = await dueConversations(context);
  const pending = new Set([...owed, ...due, ...changed.keys(), ...(isSweepDue ? directory.conversations.keys() : [])]);
  const agenda: Agenda = {
    number: (before?.number ?? 0) + 1,
    looked: now,
    swept: before && !isSweepDue ? before.swept : now,
    pending: [...pending].sort(),
  };
  await state.put("agenda", JSON.stringify(agenda));
  if (due.length > 0) await forgetDue(context);
  return agenda.pending;
}

/** Crosses a conversation off, once the journal holds all that was read of it. */
export async function crossOff({
  state,
  settings,
  partition,
}: SourceContext<LiveSettings> & { partition: Partition }): Promise<void> {
  if (settings.mode !== "discovery") return;
  const agenda = parseAgenda(await state.get("agenda"));
  if (agenda) await state.put(doneName(partition.id), String(agenda.number));
}

function doneName(id: string): string {
  return `done:${id}`;
}

function parseAgenda(stored: string | undefined): Agenda | undefined {
  return stored === undefined ? undefined : Agenda.parse(JSON.parse(stored));
}
