import { type Finding, isHansardError, type SourceContext } from "@hansard/core";
import type { LiveSettings } from "../../schema.ts";
import { isLiveExcluded } from "./agenda.ts";
import type { LiveDirectory } from "./live-source.ts";
import { enterSlack } from "./run.ts";

const SKEW_MS = 60_000;

/** Signs in, and says what there is to read and what is not seen. */
export async function examineSlack(context: SourceContext<LiveSettings>): Promise<Finding[]> {
  try {
    const source = await enterSlack(context);
    const directory = await source.directory();
    return [
      ...describeReach(directory, context.settings),
      ...describePeople(directory),
      ...describeClock(source.api.clock, context.startedAt),
    ];
  } catch (error) {
    if (!isHansardError(error)) throw error;
    const remedy = error.remedy ?? "Look at the connector's README for what to grant.";
    return [{ level: "error", message: error.message, remedy }];
  }
}

function describeReach({ conversations }: LiveDirectory, settings: LiveSettings): Finding[] {
  const all = [...conversations.values()];
  const excluded = all.filter((place) => isLiveExcluded(settings, place)).length;
  if (all.length === 0) {
    const remedy = "Invite the app to the conversations that must be archived, or use a token that sees more.";
    return [{ level: "warning", message: "The token reads no conversation.", remedy }];
  }
  const direct = all.filter(({ kind }) => kind === "im" || kind === "mpim").length;
  const message = `The token reads ${all.length} conversations, ${direct} of them direct messages; ${excluded} are excluded.`;
  if (settings.mode === "discovery") return [{ level: "ok", message }];
  const remedy =
    "Use mode discovery where the organisation has Enterprise Grid; otherwise invite the app wherever it must read.";
  return [{ level: "warning", message: `${message} The Web API shows no others.`, remedy }];
}

function describePeople({ people }: LiveDirectory): Finding[] {
  const known = Object.values(people).filter(({ bot, deleted }) => !bot && !deleted);
  const without = known.filter(({ email }) => !email).length;
  const message = `Slack names ${known.length} active people; ${without} of them have no mail address.`;
  if (without === 0) return [{ level: "ok", message }];
  return [
    { level: "warning", message, remedy: "Grant users:read.email, or map them in the people file by their Slack ids." },
  ];
}

function describeClock(clock: Date, startedAt: Date): Finding[] {
  const skewMs = Math.abs(clock.getTime() - startedAt.getTime());
  if (skewMs < SKEW_MS) return [];
  const message = `This machine's clock and Slack's differ by ${Math.round(skewMs / 1000)} seconds.`;
  return [{ level: "warning", message, remedy: "Set the machine's clock by NTP." }];
}
