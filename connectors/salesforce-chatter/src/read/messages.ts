import type { Row } from "../schema.ts";
import { type Batch, rememberOriginal, type Run } from "./batch.ts";
import { named } from "./posts.ts";
import { text, toIso } from "./values.ts";

export function messageKey(id: string): string {
  return `message:${id}`;
}

/** Private messages, each with the people of its conversation. */
export async function addMessages(run: Run, rows: Row[], batch: Batch): Promise<void> {
  const conversations = rows.flatMap((row) => text(row, "ConversationId") ?? []);
  const select = ["ConversationId", "MemberId", "Id"];
  const members = Map.groupBy(
    await run.session.find("ChatterConversationMember", select, "ConversationId", conversations),
    (row) => text(row, "ConversationId"),
  );
  await run.people.load([
    ...rows.map((row) => text(row, "SenderId")),
    ...[...members.values()].flat().map((row) => text(row, "MemberId")),
  ]);
  for (const row of rows) {
    const key = messageKey(row.Id);
    const ids = (members.get(text(row, "ConversationId")) ?? [])
      .flatMap((member) => text(member, "MemberId") ?? [])
      .sort();
    const context = {
      ...named("author", run.people.person(batch, text(row, "SenderId"))),
      ...run.people.audience(batch, "members", ids),
    };
    batch.events.push({
      type: "PrivateMessage",
      key,
      occurredAt: toIso(text(row, "SentDate") ?? ""),
      data: { message: row },
      context,
    });
    rememberOriginal(batch, key, { item: row, names: ["author", "members"], context });
  }
}
