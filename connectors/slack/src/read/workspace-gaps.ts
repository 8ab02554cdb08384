import type { Gap } from "@hansard/core";
import { MARKS } from "./root-files.ts";
import type { Catalogue, ConversationFiles } from "./workspaces.ts";

/** Holes outside the day files that the conversation's pages declare: what the export refuses to give, and unreadable directories. */
export function workspaceGaps(catalogue: Catalogue, place: ConversationFiles): Gap[] {
  const [first] = catalogue.conversations.values();
  const unplaced = place === first ? catalogue.refused.filter(({ path }) => !isPlaced(catalogue, path)) : [];
  const problems = catalogue.workspaces.flatMap((workspace) => workspace.problems);
  const remedy = "Look at where the export comes from: Slack makes none like this.";
  return [
    ...problems.map(({ id, reason }) => ({
      id,
      reason,
      remedy: "Download the export again. Messages show ids where names are unknown.",
      events: 0,
    })),
    ...[...place.refused, ...unplaced].map(({ path, reason }) => {
      const id = `${path}#refused`;
      const isFileOfMessages = path.endsWith(".json") && !MARKS.has(path.slice(path.lastIndexOf("/") + 1));
      if (!isFileOfMessages) return { id, reason: `${path} ${reason}.`, remedy, events: 0 };
      return { id, reason: `${path} ${reason}. What it may hold counts as one message.`, remedy, events: 1, claim: id };
    }),
  ];
}

function isPlaced({ conversations }: Catalogue, path: string): boolean {
  return [...conversations.values()].some(({ refused }) => refused.some((refusal) => refusal.path === path));
}
