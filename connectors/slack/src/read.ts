import type { Finding, Partition, ReadContext, SourceContext } from "@hansard/core";
import { examineExport } from "./read/check.ts";
import { readConversation } from "./read/conversation.ts";
import { enumerateExport } from "./read/enumerate.ts";
import { enterExport } from "./read/export.ts";
import { livePartitions } from "./read/live/agenda.ts";
import { examineSlack } from "./read/live/check-live.ts";
import { enumerateSlack } from "./read/live/enumerate-live.ts";
import { readLive } from "./read/live/read-live.ts";
import type { SlackPage } from "./read/page.ts";
import type { Checkpoint, ExportCheckpoint, ExportSettings, Settings } from "./schema.ts";

/** Looks at the source before the first run: what it holds, and what it cannot hold. */
export async function check(context: SourceContext<Settings>): Promise<Finding[]> {
  const { settings } = context;
  return settings.mode === "export" ? examineExport({ ...context, settings }) : examineSlack({ ...context, settings });
}

/** One for each conversation, so that each resumes by itself. */
export async function partitions(context: SourceContext<Settings>): Promise<Partition[]> {
  const { settings } = context;
  if (settings.mode !== "export") return livePartitions({ ...context, settings });
  await using opened = await enterExport({ ...context, settings });
  return [...opened.catalogue.conversations.values()].map(({ conversation: { id, name }, workspace }) => ({
    id,
    name: `${workspace.label}/${name}`,
  }));
}

/** Reads what is new in one conversation, or not the same as last time. A checkpoint of another mode is as good as none. */
export async function* read(context: ReadContext<Settings, Checkpoint>): AsyncGenerator<SlackPage> {
  const { settings, checkpoint } = context;
  if (settings.mode === "export") {
    yield* readExport({ ...context, settings, checkpoint: checkpoint?.mode === "export" ? checkpoint : undefined });
  } else {
    yield* readLive({ ...context, settings, checkpoint: checkpoint?.mode === settings.mode ? checkpoint : undefined });
  }
}

async function* readExport(context: ReadContext<ExportSettings, ExportCheckpoint>): AsyncGenerator<SlackPage> {
  await using opened = await enterExport(context);
  const { files, catalogue, unreachable } = opened;
  const place = catalogue.conversations.get(context.partition.id);
  // A conversation that an earlier export held and this one does not has nothing to read.
  if (!place) return;
  const { settings, http, blobs, log, signal } = context;
  const source = { settings, http, blobs, log, signal, files, uploads: catalogue.uploads, unreachable };
  yield* readConversation({ place, catalogue, files: source, read: context });
}

/** The ids of all messages, without their content. */
export async function* enumerate(context: SourceContext<Settings>): AsyncGenerator<{ key: string; version?: string }> {
  const { settings } = context;
  if (settings.mode !== "export") {
    yield* enumerateSlack({ ...context, settings });
    return;
  }
  await using opened = await enterExport({ ...context, settings });
  yield* enumerateExport(opened, { ...context, settings });
}
