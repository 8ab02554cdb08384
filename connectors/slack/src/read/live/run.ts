import type { ReadContext, SourceContext } from "@hansard/core";
import type { LiveCheckpoint, LiveSettings } from "../../schema.ts";
import { openSlackApi } from "./api.ts";
import { discoverySource } from "./discovery.ts";
import type { LiveSource } from "./live-source.ts";
import { webSource } from "./web.ts";

/** The partitions of a run share one client and one directory. */
interface Run {
  startedAt: number;
  source: Promise<LiveSource>;
}

const runs = new WeakMap<LiveSettings, Run>();

/** Slack as this run sees it. */
export async function enterSlack(
  context: SourceContext<LiveSettings> | ReadContext<LiveSettings, LiveCheckpoint>,
): Promise<LiveSource> {
  const { settings, startedAt } = context;
  const known = runs.get(settings);
  if (known?.startedAt === startedAt.getTime()) return known.source;
  const source = open(context);
  runs.set(settings, { startedAt: startedAt.getTime(), source });
  return source;
}

async function open(context: SourceContext<LiveSettings>): Promise<LiveSource> {
  const api = await openSlackApi(context);
  const { mode, workspace } = context.settings;
  return mode === "discovery" ? discoverySource(api, workspace) : webSource(api, workspace);
}
