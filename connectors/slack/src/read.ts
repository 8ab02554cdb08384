import type { Finding, Partition, ReadContext, SourceContext } from "@hansard/core";
import { examineExport } from "./read/check.ts";
import { readConversation } from "./read/conversation.ts";
import { enumerateExport } from "./read/enumerate.ts";
import { enterExport } from "./read/export.ts";
import type { SlackPage } from "./read/page.ts";
import type { Checkpoint, Settings } from "./schema.ts";

/** Looks at the export before the first run: what it holds, and what it cannot hold. */
export async function check(context: SourceContext<Settings>): Promise<Finding[]> {
  return examineExport(context);
}

/** One for each conversation, so that each resumes by itself. */
export async function partitions(context: SourceContext<Settings>): Promise<Partition[]> {
  await using opened = await enterExport(context);
  return [...opened.catalogue.conversations.values()].map(({ conversation: { id, name }, workspace }) => ({
    id,
    name: `${workspace.label}/${name}`,
  }));
}

/** Reads the days of one conversation that are new, or not the same as last time. */
export async function* read(context: ReadContext<Settings, Checkpoint>): AsyncGenerator<SlackPage> {
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
  await using opened = await enterExport(context);
  yield* enumerateExport(opened, context);
}
