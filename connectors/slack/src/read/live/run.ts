import type { ReadContext, SourceContext } from "@hansard/core";
import type { LiveCheckpoint, LiveSettings } from "../../schema.ts";
import { openSlackApi } from "./api.ts";
import { discoverySource } from "./discovery.ts";
import type { LiveSource } from "./live-source.ts";
import { webSource } from "./web.ts";

/** The partitions of a run share one client and one directory. A run is told by its signal, which no other has. */
const runs = new WeakMap<AbortSignal, Promise<LiveSource>>();

/** Slack as this run sees it. */
export async function enterSlack(
  context: SourceContext<LiveSettings> | ReadContext<LiveSettings, LiveCheckpoint>,
): Promise<LiveSource> {
  const known = runs.get(context.signal);
  if (known) return known;
  const source = open(context);
  runs.set(context.signal, source);
  source.catch(() => runs.delete(context.signal));
  return source;
}

async function open(context: SourceContext<LiveSettings>): Promise<LiveSource> {
  const api = await openSlackApi(context);
  const { mode, workspace } = context.settings;
  return mode === "discovery" ? discoverySource(api, workspace) : webSource(api, workspace);
}
