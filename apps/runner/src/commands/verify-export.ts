import { SettingsError } from "@hansard/core";
import { verifyExport as verify } from "../export/verify-export.ts";
import { plural, print } from "../output.ts";

/** Checks an export offline: no configuration and no installation is needed. */
export async function verifyExport(
  folder: string,
  { json, head }: { json?: boolean; head?: unknown },
): Promise<number> {
  const result = await verify(folder, typeof head === "string" ? anchored(head) : undefined);
  print(json, result, () =>
    [
      `${plural(result.messages, "message")}, ${plural(result.entries, "journal entry", "journal entries")}; head ${result.head}`,
      ...result.problems.map((problem) => `  ${problem}`),
      result.problems.length === 0 ? "All is as it was exported." : "SOMETHING IS NOT AS IT WAS EXPORTED.",
    ].join("\n"),
  );
  return result.problems.length === 0 ? 0 : 1;
}

/** What was mistyped must not look like a journal that was cut. */
function anchored(head: string): string {
  if (/^[0-9a-f]{64}$/i.test(head)) return head.toLowerCase();
  throw new SettingsError(`--head is "${head}", which is no hash.`, {
    remedy: "Give the 64 hexadecimal digits that hansard verify or hansard export printed.",
  });
}
