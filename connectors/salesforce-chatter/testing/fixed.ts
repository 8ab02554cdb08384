import {
  createOrganization,
  createRandom,
  type Organization,
  type Variant,
} from "../../../tooling/servers/salesforce/index.ts";

const VARIANT: Variant = {
  feedClock: "LastModifiedDate",
  commentModstampSortable: false,
  editDateFilterable: true,
  softDeletes: false,
  cascadeLogged: true,
};

/** An organization in which nothing happens by itself. */
export function quietOrganization(
  variant: Partial<Variant> = {},
  startsAt = new Date("2026-03-02T08:00:00Z"),
): Organization {
  const organization = createOrganization(createRandom(11), { ...VARIANT, ...variant }, startsAt);
  organization.insert("UserPermissionAccess", {
    PermissionsViewAllData: true,
    PermissionsManageChatterMessages: true,
    PermissionsQueryAllFiles: true,
  });
  return organization;
}

export function addUser(organization: Organization, Name: string): string {
  return organization.insert("User", {
    Name,
    Email: `${Name.toLowerCase()}@example.com`,
    Username: `${Name.toLowerCase()}@example.com.org`,
    UserType: "Standard",
  }).Id;
}

/** A post on its author's profile, at the organization's time or another. */
export function addPost(
  organization: Organization,
  by: string,
  {
    Body = "Hello",
    at = organization.now(),
    visibleAfterMs = 0,
    ...fields
  }: { Body?: string; at?: Date; visibleAfterMs?: number; [field: string]: unknown } = {},
): string {
  const time = organization.time(at);
  const times = { CreatedDate: time, LastModifiedDate: time, SystemModstamp: time };
  const rest = fields as { [field: string]: string | number | boolean | null };
  return organization.insert(
    "FeedItem",
    {
      ParentId: by,
      Type: "TextPost",
      Body,
      IsRichText: false,
      HasContent: false,
      HasLink: false,
      HasFeedEntity: false,
      Revision: 1,
      CreatedById: by,
      InsertedById: by,
      Status: "Published",
      ...times,
      ...rest,
    },
    { visibleAfterMs },
  ).Id;
}

/** Changes a post's text, as its history and itself tell it. */
export function editPost(organization: Organization, id: string, by: string, Body: string): string {
  const post = organization.all("FeedItem").find(({ Id }) => Id === id);
  if (!post) throw new Error(`There is no post ${id}.`);
  const now = organization.time();
  const Revision = Number(post["Revision"]) + 1;
  const revision = organization.insert("FeedRevision", {
    FeedEntityId: id,
    Revision,
    Action: "Changed",
    EditedAttribute: "Body",
    Value: post["Body"] ?? null,
    IsValueRichText: false,
    CreatedById: by,
    CreatedDate: now,
    SystemModstamp: now,
  });
  Object.assign(post, { Body, Revision, LastEditDate: now, LastEditById: by });
  return revision.Id;
}
