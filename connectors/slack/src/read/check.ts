import type { Finding, SourceContext } from "@hansard/core";
import type { ExportSettings } from "../schema.ts";
import { enterExport } from "./export.ts";
import type { Catalogue } from "./workspaces.ts";

export async function examineExport(context: SourceContext<ExportSettings>): Promise<Finding[]> {
  await using opened = await enterExport(context);
  const { catalogue } = opened;
  return [
    ...describeContent(catalogue),
    ...describePeople(catalogue),
    ...describeScope(catalogue),
    ...describeExclusions(catalogue, context.settings),
    ...describeProblems(catalogue),
  ];
}

function describeContent({ workspaces, conversations, firstDay, lastDay }: Catalogue): Finding[] {
  const places = [...conversations.values()].filter(({ conversation: { kind } }) => kind !== "workspace");
  const files = places.reduce((sum, { units }) => sum + units.size, 0);
  if (files === 0) {
    return [
      {
        level: "warning",
        message: "The export holds no messages.",
        remedy: "Check the dates that the export was made for.",
      },
    ];
  }
  const span = firstDay === undefined ? "" : `, from ${firstDay} to ${lastDay}`;
  const several = workspaces.length > 1 ? ` in ${workspaces.length} workspaces` : "";
  return [
    {
      level: "ok",
      message: `The export holds ${places.length} conversations${several} with ${files} day files${span}.`,
    },
  ];
}

function describePeople({ workspaces }: Catalogue): Finding[] {
  const people = workspaces.flatMap((workspace) => Object.values(workspace.people)).filter(({ bot }) => !bot);
  const without = people.filter(({ email, deleted }) => !email && !deleted).length;
  if (without === 0)
    return [
      { level: "ok", message: `The export knows ${people.length} people, and an address of each who is active.` },
    ];
  const remedy =
    "Map them in the people file by their Slack ids. Slack leaves addresses out where the workspace hides them.";
  return [
    {
      level: "warning",
      message: `The export knows ${people.length} people; ${without} of them have no mail address.`,
      remedy,
    },
  ];
}

function describeScope({ conversations }: Catalogue): Finding[] {
  const isPrivate = [...conversations.values()].some(
    ({ conversation: { kind } }) => kind !== "channel" && kind !== "workspace",
  );
  if (isPrivate)
    return [{ level: "ok", message: "The export holds private conversations as well as public channels." }];
  const remedy =
    "Where private conversations must be archived, have an owner apply to Slack for exports of all conversations.";
  return [
    {
      level: "warning",
      message: "The export holds public channels only: no private channel and no direct message.",
      remedy,
    },
  ];
}

function describeExclusions({ conversations }: Catalogue, { excludeChannels }: ExportSettings): Finding[] {
  const names = new Set([...conversations.values()].flatMap(({ conversation: { id, name } }) => [id, name]));
  return excludeChannels
    .filter((channel) => !names.has(channel) && !names.has(channel.replace(/^#/, "")))
    .map((channel) => ({
      level: "warning",
      message: `The excluded conversation "${channel}" is not in the export.`,
      remedy: "Check the spelling in `excludeChannels`: a name without `#`, or an id.",
    }));
}

function describeProblems({ workspaces, refused }: Catalogue): Finding[] {
  const remedy = "Download the export again. What cannot be read is declared as a gap.";
  const problems = workspaces.flatMap((workspace) => workspace.problems);
  return [
    ...problems.map(({ reason }): Finding => ({ level: "warning", message: reason, remedy })),
    ...refused
      .slice(0, 20)
      .map(({ path, reason }): Finding => ({ level: "warning", message: `${path} ${reason}.`, remedy })),
  ];
}
