import type { Row } from "../schema.ts";
import { type Batch, rememberOriginal, type Run } from "./batch.ts";
import { named } from "./posts.ts";
import { text, toIso } from "./values.ts";

/** Who joined which group. */
export async function addMembers(run: Run, rows: Row[], batch: Batch): Promise<void> {
  await run.people.load(rows.flatMap((row) => [text(row, "MemberId"), text(row, "CollaborationGroupId")]));
  for (const row of rows) {
    const key = `member:${row.Id}`;
    const { place } = run.people.place(batch, text(row, "CollaborationGroupId"), undefined);
    const context = { ...named("author", run.people.person(batch, text(row, "MemberId"))), ...(place && { place }) };
    batch.events.push({
      type: "GroupJoin",
      key,
      occurredAt: toIso(text(row, "CreatedDate") ?? ""),
      data: { member: row },
      context,
    });
    rememberOriginal(batch, key, { item: row, names: ["author", "place"], context });
  }
}
