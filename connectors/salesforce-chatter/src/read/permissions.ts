import { AuthenticationError } from "@hansard/core";
import type { Session } from "./session.ts";
import { visible } from "./lookup.ts";

/** What the integration user must be allowed, by the field of UserPermissionAccess that tells it. */
export const PERMISSIONS = {
  PermissionsViewAllData: "View All Data",
  PermissionsManageChatterMessages: "Manage Chatter Messages and Direct Messages",
  PermissionsManageUnlistedGroups: "Manage Unlisted Groups",
  PermissionsQueryAllFiles: "Query All Files",
};

/** The named permissions that the integration user lacks. Those that this organization does not know are not missed. */
export async function lacking(session: Session): Promise<string[]> {
  const select = await visible(session, "UserPermissionAccess", Object.keys(PERMISSIONS));
  if (select.length === 0) return [];
  const [row] = await session.rows(`SELECT Id,${select.join(",")} FROM UserPermissionAccess`);
  return Object.entries(PERMISSIONS).flatMap(([field, name]) => (row?.[field] === false ? [name] : []));
}

/** Without View All Data most posts are hidden, and the comparison of ids would take them for deleted. */
export async function requireSight(session: Session): Promise<void> {
  if (!(await lacking(session)).includes(PERMISSIONS.PermissionsViewAllData)) return;
  throw new AuthenticationError("The integration user lacks View All Data, so most of Chatter is hidden from it.", {
    remedy: "Grant View All Data in its permission set.",
  });
}
