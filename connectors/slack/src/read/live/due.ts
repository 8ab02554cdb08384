import type { SourceContext } from "@hansard/core";
import { z } from "zod";
import type { LiveSettings } from "../../schema.ts";

/** Conversation → when something is owed in it. */
const Due = z.record(z.string(), z.array(z.string()));
type Due = z.infer<typeof Due>;

type Context = Pick<SourceContext<LiveSettings>, "settings" | "state" | "startedAt" | "signal">;

const NAME = "due";
/** The partitions of a run change it one after the other. A run is told by its signal. */
const changes = new WeakMap<AbortSignal, Promise<unknown>>();

/** An organisation's conversations are not all read each time: one in which something is owed is, when it is due. */
export async function noteDue(context: Context, conversation: string, dueAt: string | undefined): Promise<void> {
  if (context.settings.mode !== "discovery" || dueAt === undefined) return;
  await change(context, (due) => {
    const times = due[conversation] ?? [];
    return times.includes(dueAt) ? undefined : { ...due, [conversation]: [...times, dueAt] };
  });
}

/** The conversations in which something is due by now. */
export async function dueConversations(context: Context): Promise<string[]> {
  const due = await load(context);
  return Object.keys(due).filter((id) => due[id]?.some((time) => isDue(time, context)));
}

/** Forgets what is due by now, once it stands on the agenda. */
export async function forgetDue(context: Context): Promise<void> {
  await change(context, (due) => {
    const rest = Object.entries(due).flatMap(([id, times]) => {
      const later = times.filter((time) => !isDue(time, context));
      return later.length === 0 ? [] : [[id, later] as const];
    });
    return Object.fromEntries(rest);
  });
}

function isDue(time: string, { startedAt }: Context): boolean {
  return Date.parse(time) <= startedAt.getTime();
}

async function change(context: Context, by: (due: Due) => Due | undefined): Promise<void> {
  const before = changes.get(context.signal);
  const made = changeAfter(before, context, by);
  changes.set(context.signal, made);
  await made;
}

async function changeAfter(
  before: Promise<unknown> | undefined,
  context: Context,
  by: (due: Due) => Due | undefined,
): Promise<void> {
  // Who waits for an earlier change learns of its failure.
  await Promise.allSettled([before]);
  const changed = by(await load(context));
  if (changed) await context.state.put(NAME, JSON.stringify(changed));
}

async function load({ state }: Context): Promise<Due> {
  const stored = await state.get(NAME);
  return stored === undefined ? {} : Due.parse(JSON.parse(stored));
}
