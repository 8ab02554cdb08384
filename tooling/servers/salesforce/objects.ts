/** The objects as Salesforce's object reference describes them: which fields there are, and what a query may do with them. */
export interface FieldRule {
  name: string;
  type: string;
  filterable: boolean;
  sortable: boolean;
  relationshipName: string | null;
}

export interface ObjectRule {
  fields: FieldRule[];
  /** Whether it may stand in the FROM of a query of its own. */
  queryable: boolean;
  /** Whether Salesforce keeps a log of its deletes. */
  logsDeletes: boolean;
  /** Sub-selects: relationship → object and the field that refers here. */
  children: Record<string, { object: string; field: string }>;
}

/** What differs between organizations and API versions, and what the documentation leaves open. */
export interface Variant {
  /** What FeedItem can be read by. The documentation says that SystemModstamp cannot be filtered. */
  feedClock: "SystemModstamp" | "LastModifiedDate" | "CreatedDate";
  commentModstampSortable: boolean;
  /** Whether LastEditDate can be filtered. */
  editDateFilterable: boolean;
  /** Whether deleted posts and comments stay visible to queryAll for a while. */
  softDeletes: boolean;
  /** Whether the comments of a deleted post stand in the log of deletes. */
  cascadeLogged: boolean;
}

/** Fields as `Name:type:flags`, where the flags are f (may be filtered) and s (may be sorted). */
const SYSTEM = "Id:id:fs IsDeleted:boolean:fs CreatedById:reference:fs CreatedDate:datetime:fs";
const WRITTEN = `${SYSTEM} InsertedById:reference:f IsRichText:boolean:fs LastEditById:reference:fs Revision:int:fs RelatedRecordId:reference:s Status:picklist:s`;
const ITEM =
  "ParentId:reference:fs Type:picklist:fs Title:string:fs Body:textarea:s LinkUrl:url:s CommentCount:int:fs LikeCount:int:fs HasContent:boolean:fs HasLink:boolean:fs HasFeedEntity:boolean:fs BestCommentId:reference:fs NetworkScope:picklist:s Visibility:picklist:fs";
const COMMENT =
  "FeedItemId:reference:fs ParentId:reference:fs CommentBody:textarea:fs CommentType:picklist:fs ThreadParentId:reference:fs ThreadLevel:int:fs";
const REVISION =
  "FeedEntityId:reference:fs Revision:int:fs Action:picklist:fs EditedAttribute:picklist:fs Value:textarea: IsValueRichText:boolean:fs SystemModstamp:datetime:f";
const VERSION =
  "ContentDocumentId:reference:fs Title:string:fs PathOnClient:string:fs FileExtension:string:fs FileType:string:fs ContentSize:int:fs Checksum:string:fs VersionNumber:string:fs VersionData:base64:";

const BELOW_ITEM = {
  FeedLikes: { object: "FeedLike", field: "FeedItemId" },
  FeedTrackedChanges: { object: "FeedTrackedChange", field: "FeedItemId" },
  FeedAttachments: { object: "FeedAttachment", field: "FeedEntityId" },
  FeedComments: { object: "FeedComment", field: "FeedItemId" },
};

export function objectRules(variant: Variant): Record<string, ObjectRule> {
  return { ...writtenRules(variant), ...belowRules(), ...otherRules() };
}

function writtenRules({ feedClock, commentModstampSortable, editDateFilterable }: Variant): Record<string, ObjectRule> {
  const edited = `LastEditDate:datetime:${editDateFilterable ? "fs" : ""}`;
  const modified = `LastModifiedDate:datetime:${feedClock === "CreatedDate" ? "" : "fs"} SystemModstamp:datetime:${feedClock === "SystemModstamp" ? "fs" : "s"}`;
  const commented = `SystemModstamp:datetime:${commentModstampSortable ? "fs" : "f"}`;
  return {
    FeedItem: object(`${WRITTEN} ${ITEM} ${edited} ${modified}`, { logsDeletes: true, children: BELOW_ITEM }),
    FeedComment: object(`${WRITTEN} ${COMMENT} ${edited} ${commented}`, { logsDeletes: true }),
    FeedRevision: object(`${SYSTEM} ${REVISION}`, { logsDeletes: true }),
  };
}

function belowRules(): Record<string, ObjectRule> {
  return {
    FeedAttachment: object(
      "Id:id:fs IsDeleted:boolean:fs FeedEntityId:reference:fs RecordId:reference:fs Title:string:fs Type:picklist:fs Value:string:fs",
    ),
    FeedLike: object(`${SYSTEM} FeedItemId:reference:fs FeedEntityId:reference:fs InsertedById:reference:fs`, {
      queryable: false,
    }),
    FeedSignal: object(`${SYSTEM} FeedItemId:reference:fs`, { queryable: false }),
    FeedTrackedChange: object(
      "Id:id:fs FeedItemId:reference:fs FieldName:string:fs OldValue:anyType: NewValue:anyType:",
      { queryable: false },
    ),
    FeedPollChoice: object(`${SYSTEM} FeedItemId:reference:fs Position:int:s ChoiceBody:string:`),
    FeedPollVote: object(`${SYSTEM} FeedItemId:reference:fs ChoiceId:reference:f LastModifiedDate:datetime:fs`),
    ContentVersion: object(`${SYSTEM} ${VERSION}`),
  };
}

function otherRules(): Record<string, ObjectRule> {
  return {
    ChatterMessage: object(
      "Id:id:fs Body:textarea: ConversationId:reference:fs SenderId:reference:fs SenderNetworkId:reference:fs SentDate:datetime:fs",
    ),
    ChatterConversationMember: object("Id:id:fs ConversationId:reference:fs MemberId:reference:fs"),
    CollaborationGroup: object(`${SYSTEM} Name:string:fs CollaborationType:picklist:fs NetworkId:reference:fs`),
    CollaborationGroupMember: object(
      `${SYSTEM} CollaborationGroupId:reference:fs MemberId:reference:fs CollaborationRole:picklist:fs SystemModstamp:datetime:fs`,
    ),
    User: object("Id:id:fs Name:string:fs Email:email:fs Username:string:fs UserType:picklist:fs"),
    UserPermissionAccess: object(
      "Id:id:fs PermissionsViewAllData:boolean: PermissionsManageChatterMessages:boolean: PermissionsQueryAllFiles:boolean:",
    ),
  };
}

function object(
  fields: string,
  { queryable = true, logsDeletes = false, children = {} }: Partial<Omit<ObjectRule, "fields">> = {},
): ObjectRule {
  return { fields: fields.split(" ").map(toRule), queryable, logsDeletes, children };
}

function toRule(text: string): FieldRule {
  const [name = "", type = "", flags = ""] = text.split(":");
  return {
    name,
    type,
    filterable: flags.includes("f"),
    sortable: flags.includes("s"),
    relationshipName: type === "reference" ? name.replace(/Id$/, "") : null,
  };
}
