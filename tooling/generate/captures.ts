import type { Captures } from "@hansard/core";
import { table } from "./markdown.ts";
import type { Source } from "./outputs.ts";

type Claim = Exclude<keyof Captures, "history" | "never">;

export const CLAIM_NAMES: Record<Claim, string> = {
  edits: "Edits",
  deletes: "Deletions",
  attachments: "Files",
  reactions: "Reactions",
  participants: "Recipients",
};

/** What each claim means to those who rely on the archive. */
export const CLAIM_MEANINGS: { [Name in Claim]: Record<Captures[Name], string> } = {
  edits: {
    "every-version": "every version, each as a message of its own",
    "last-version": "the version that stood when it was read",
    "not-reported": "not reported by the source",
  },
  deletes: {
    "with-original": "that something was deleted, and what it was",
    tombstone: "that something was deleted",
    "not-reported": "not reported by the source",
  },
  attachments: { content: "with their content", reference: "their names only", none: "the source has none" },
  reactions: {
    each: "each, when it was given",
    state: "as they stood when it was read",
    "not-reported": "not reported by the source",
    none: "the source has none",
  },
  participants: {
    "at-the-time": "those who could read it at that time",
    current: "those who can read it now",
    "not-reported": "not reported by the source",
  },
};

/** What a connector captures and what it cannot. */
export function capturesSection({ connector: { captures } }: Source): string {
  const rows = (Object.keys(CLAIM_NAMES) as Claim[]).map((name) => [CLAIM_NAMES[name], meaningOf(captures, name)]);
  const never = (captures.never ?? []).map((what) => `* ${what}`);
  return [
    table(["what", "is captured"], [...rows, ["History", captures.history]]),
    ...(never.length > 0 ? ["Never captured, since the source does not give it:", never.join("\n")] : []),
  ].join("\n\n");
}

export function meaningOf(captures: Captures, name: Claim): string {
  const meanings: Record<string, string> = CLAIM_MEANINGS[name];
  return meanings[captures[name]] ?? captures[name];
}
