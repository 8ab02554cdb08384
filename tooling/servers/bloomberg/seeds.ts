import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connector } from "../../../connectors/bloomberg/src/index.ts";
import { type Capture, capture, emptyCapture, trueFormOf, unbalanced } from "./capture.ts";
import { type GeneratedDrop, generateDrop } from "./drop.ts";
import { createRandom } from "../../random.ts";
import { lineOf, type TrueEvent } from "./truth.ts";

/** Makes the drop of a seed, captures it, crashes included, and returns every difference from the ground truth. */
export async function differencesOf(seed: number): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "bloomberg-"));
  try {
    const truth = await generateDrop(seed, folder);
    const random = createRandom(seed + 1_000_000);
    const settings = { drop: { folder }, completion: { stableForSeconds: 0, graceHours: 0 } };
    const captured = emptyCapture();
    if (random.chance(0.5)) await capture(connector, settings, captured, { stopAfterPages: 1 + random.below(4) });
    await capture(connector, settings, captured);
    const once = captured.events.size;
    await capture(connector, settings, captured);
    const again = captured.events.size - once;
    return [...(again === 0 ? [] : [`A further run added ${again} events.`]), ...differencesBetween(truth, captured)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every way in which what was captured is not what was written. */
export function differencesBetween(truth: GeneratedDrop, captured: Capture): string[] {
  const expected = truth.events.map(normalized).map(lineOf).sort();
  const found = [...captured.events.values()]
    .map((event) => trueFormOf(connector, event, captured, (text) => text))
    .map((event) => lineOf(normalized(event)))
    .sort();
  const differences = [
    ...unbalanced(captured),
    ...subtract(expected, found).map((line) => `missing: ${line}`),
    ...subtract(found, expected).map((line) => `too many: ${line}`),
  ];
  const missing = truth.events.reduce((sum, event) => sum + event.missing, 0);
  if (captured.gaps.size !== missing)
    differences.push(
      `${captured.gaps.size} gaps for ${missing} missing parts: ${[...captured.gaps.keys()].join(", ")}`,
    );
  return differences;
}

/** Sentences that the mapping forms itself are compared by the part that the source decides. */
function normalized(event: TrueEvent): TrueEvent {
  const { type, says } = event;
  if (type === "Mail" || /^(Persistent)?Chat$|^Note$|^System$/.test(type)) return event;
  if (type === "File") return { ...event, says: says.replace(/^.*? sent (.*)\.$/s, "$1") };
  const sign = [
    "entered the chat",
    "left the chat",
    "please join",
    "looked at the messages",
    "UnreferencedFile",
    "Reaction",
  ].find((sign) => says.includes(sign));
  return { ...event, says: sign ?? `?${says}` };
}

function subtract(from: string[], what: string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of what) counts.set(line, (counts.get(line) ?? 0) + 1);
  return from.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}
