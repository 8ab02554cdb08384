import { SettingsError } from "@hansard/core";
import { type ExportVerification, verifyExport as verify } from "../export/verify-export.ts";
import { plural, print, shown } from "../output.ts";

/** Checks an export offline: no configuration and no installation is needed. */
export async function verifyExport(
  folder: string,
  { json, head }: { json?: boolean; head?: unknown },
): Promise<number> {
  const result = await verify(folder, typeof head === "string" ? anchored(head) : undefined);
  print(json, result, () =>
    [
      `${plural(result.messages, "message")}, ${plural(result.entries, "journal entry", "journal entries")}; head ${result.head}`,
      ...result.problems.map((problem) => shown(`  ${problem}`)),
      ...result.announcements.map(shown),
      verdict(result),
    ].join("\n"),
  );
  return result.problems.length === 0 ? 0 : 1;
}

/** Whoever reads the last line alone must not take a part for the whole. */
function verdict({ problems, announcements }: ExportVerification): string {
  if (problems.length > 0) return "SOMETHING IS NOT AS IT WAS EXPORTED.";
  return announcements.length > 0
    ? "All that is here is as it was exported; what is not here is said above."
    : "All is as it was exported.";
}

/** What was mistyped must not look like a journal that was cut. */
function anchored(head: string): string {
  if (/^[0-9a-f]{64}$/i.test(head)) return head.toLowerCase();
  throw new SettingsError(`--head is "${head}", which is no hash.`, {
    remedy: "Give the 64 hexadecimal digits that hansard verify or hansard export printed.",
  });
}
