import { createHash } from "node:crypto";
import type { Organization } from "../organization.ts";
import type { Record } from "../soql.ts";
import type { Finding } from "../truth.ts";

export const MINUTE_MS = 60_000;

/** The longest that a transaction takes to become visible, and a little more. */
const LATEST_MS = 21 * MINUTE_MS;

const WORDS = [
  "margin",
  "term sheet",
  "Übergabe",
  "会議",
  "lunch?",
  "sell",
  "hold",
  "🚀",
  "the client",
  "call me",
  "O'Brien",
  "50 %",
  "a < b & c",
];

/** The people of an organization, and what must be remembered so that only what can be known is done. */
export interface World {
  organization: Organization;
  users: string[];
  groups: string[];
  account: string;
  /** Conversation → members. */
  conversations: Map<string, string[]>;
  /** When a thing last changed in a way that a read must still see before it may be deleted. */
  touched: Map<string, number>;
  /** Posts whose file comes late: deleted with it before it came, the file would be lost to everyone. */
  frail: Set<string>;
  /** The beginning of the last read that ended, and of the last that swept. */
  archivedAt: number;
  sweptAt: number;
}

export function settle(organization: Organization): World {
  const created = { CreatedDate: organization.time() };
  const users = Array.from({ length: 6 }, (_, index) => {
    const name = `user${index}`;
    return organization.insert("User", {
      Name: `User ${index}`,
      Email: `${name}@example.com`,
      Username: `${name}@example.com.org`,
      UserType: "Standard",
    }).Id;
  });
  const groups = ["Public", "Private", "Unlisted"].map(
    (CollaborationType) =>
      organization.insert("CollaborationGroup", {
        ...created,
        Name: `${CollaborationType} group`,
        CollaborationType,
        CreatedById: users[0] ?? "",
      }).Id,
  );
  const account = organization.insert("Account", { Name: "Acme" }).Id;
  organization.insert("UserPermissionAccess", {
    PermissionsViewAllData: true,
    PermissionsManageChatterMessages: true,
    PermissionsQueryAllFiles: true,
  });
  return {
    organization,
    users,
    groups,
    account,
    conversations: new Map(),
    touched: new Map(),
    frail: new Set(),
    archivedAt: 0,
    sweptAt: 0,
  };
}

export function words({ organization: { random } }: World): string {
  return Array.from({ length: random.between(1, 6) }, () => random.pick(WORDS)).join(" ");
}

export function bytes({ organization: { random } }: World): Uint8Array {
  return Uint8Array.from({ length: random.between(0, 3000) }, () => random.between(0, 255));
}

/** Some records become visible minutes after the times that they bear. */
export function late({ organization: { random } }: World): { visibleAfterMs?: number } {
  return random.chance(0.15) ? { visibleAfterMs: random.between(1, 20) * MINUTE_MS } : {};
}

export function live({ organization }: World, object: string): Record[] {
  return organization
    .all(object)
    .filter((record) => record["IsDeleted"] !== true && record["CreatedById"] !== undefined);
}

export function commentsOf(world: World, postId: string): Record[] {
  return live(world, "FeedComment").filter(({ FeedItemId }) => FeedItemId === postId);
}

export function addFile({ organization }: World, found: Finding, key: string, version: Record): void {
  const content = organization.contents.get(version.Id)?.bytes ?? "";
  organization.truth.add(found, "file", key, version.Id, createHash("sha256").update(content).digest("hex"));
}

export function touch({ organization, touched }: World, ...ids: string[]): void {
  for (const id of ids) touched.set(id, organization.now().getTime());
}

export function isArchived({ organization, touched, archivedAt }: World, id: string): boolean {
  return organization.isVisible(id) && (touched.get(id) ?? 0) + LATEST_MS < archivedAt;
}

export function isSwept({ touched, sweptAt }: World, id: string): boolean {
  return (touched.get(id) ?? 0) + LATEST_MS < sweptAt;
}

/** Whether a thing may be deleted without taking along what nobody has read. */
export function mayGo(world: World, id: string): boolean {
  return isArchived(world, id) && isSwept(world, id) && !world.frail.has(id);
}
