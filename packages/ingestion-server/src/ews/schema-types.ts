/**
 * The elements of each type in the order that the service's schema demands (`xs:sequence`), as far as this server goes.
 * `Name?` may be absent, `Name*` and `Name+` may repeat, `(A|B)` is one of them; `Name=Type` names the type of what is
 * within, and a name alone holds text. `m:` stands before what is of the messages namespace.
 */
export const TYPES_OF: Record<string, string> = {
  GetFolder: "m:FolderShape=FolderShape m:FolderIds=FolderIds",
  FindFolder:
    "m:FolderShape=FolderShape (m:IndexedPageFolderView=Page|m:FractionalPageFolderView=FractionalPage)? m:Restriction=Restriction? m:ParentFolderIds=FolderIds",
  CreateFolder: "m:ParentFolderId=TargetFolder m:Folders=NewFolders",
  FindItem:
    "m:ItemShape=ItemShape (m:IndexedPageItemView=Page|m:FractionalPageItemView=FractionalPage)? m:Restriction=Restriction? m:SortOrder=SortOrder? m:ParentFolderIds=FolderIds m:QueryString?",
  GetItem: "m:ItemShape=ItemShape m:ItemIds=ItemIds",
  CreateItem: "m:SavedItemFolderId=TargetFolder? m:Items=NewItems",
  MoveItem: "m:ToFolderId=TargetFolder m:ItemIds=ItemIds m:ReturnNewItemIds?",
  DeleteItem: "m:ItemIds=ItemIds",
  CreateAttachment: "m:ParentItemId=ItemId m:Attachments=Attachments",
  GetAttachment: "m:AttachmentShape=AttachmentShape? m:AttachmentIds=AttachmentIds",
  ResolveNames: "m:ParentFolderIds=FolderIds? m:UnresolvedEntry",

  RequestServerVersion: "",
  ExchangeImpersonation: "ConnectingSID=ConnectingSID",
  ConnectingSID: "(PrincipalName|SID|PrimarySmtpAddress|SmtpAddress)",

  FolderShape: "BaseShape AdditionalProperties=Paths?",
  ItemShape:
    "BaseShape IncludeMimeContent? BodyType? UniqueBodyType? NormalizedBodyType? FilterHtmlContent? ConvertHtmlCodePageToUTF8? InlineImageUrlTemplate? BlockExternalImages? AddBlankTargetToLinks? MaximumBodySize? AdditionalProperties=Paths?",
  AttachmentShape: "IncludeMimeContent? BodyType? FilterHtmlContent? AdditionalProperties=Paths?",
  Paths: "(FieldURI=Path|IndexedFieldURI=IndexedPath|ExtendedFieldURI=ExtendedPath)+",
  Path: "",
  IndexedPath: "",
  ExtendedPath: "",
  FolderIds: "(FolderId=FolderId|DistinguishedFolderId=DistinguishedFolderId)+",
  TargetFolder: "(FolderId=FolderId|DistinguishedFolderId=DistinguishedFolderId)",
  FolderId: "",
  DistinguishedFolderId: "Mailbox=Mailbox?",
  ItemIds: "ItemId=ItemId+",
  ItemId: "",
  AttachmentIds: "AttachmentId=AttachmentId+",
  AttachmentId: "",
  Page: "",
  FractionalPage: "",
  SortOrder: "FieldOrder=FieldOrder+",
  FieldOrder: "(FieldURI=Path|IndexedFieldURI=IndexedPath|ExtendedFieldURI=ExtendedPath)",

  Restriction: "SEARCH",
  Not: "SEARCH",
  Many: "SEARCH+",
  Exists: "(FieldURI=Path|IndexedFieldURI=IndexedPath|ExtendedFieldURI=ExtendedPath)",
  Compare: "(FieldURI=Path|IndexedFieldURI=IndexedPath|ExtendedFieldURI=ExtendedPath) FieldURIOrConstant=Constant",
  Constant: "(FieldURI=Path|IndexedFieldURI=IndexedPath|ExtendedFieldURI=ExtendedPath|Constant=ConstantValue)",
  Contains: "(FieldURI=Path|IndexedFieldURI=IndexedPath|ExtendedFieldURI=ExtendedPath) Constant=ConstantValue",
  ConstantValue: "",

  NewFolders: "Folder=Folder+",
  Folder:
    "FolderId=FolderId? ParentFolderId=FolderId? FolderClass? DisplayName? TotalCount? ChildFolderCount? ExtendedProperty=ExtendedProperty* UnreadCount?",
  NewItems: "(Item=Item|Message=Message)+",
  Item: "ITEM",
  Message:
    "ITEM Sender=OneMailbox? ToRecipients=Mailboxes? CcRecipients=Mailboxes? BccRecipients=Mailboxes? IsReadReceiptRequested? IsDeliveryReceiptRequested? ConversationIndex? ConversationTopic? From=OneMailbox? InternetMessageId? IsRead? IsResponseRequested? References? ReplyTo=Mailboxes? ReceivedBy=OneMailbox? ReceivedRepresenting=OneMailbox?",
  Mime: "",
  Body: "",
  ExtendedProperty: "ExtendedFieldURI=ExtendedPath (Value|Values=Values)",
  Values: "Value+",
  Categories: "String*",
  Headers: "InternetMessageHeader=Header+",
  Header: "",
  OneMailbox: "Mailbox=Mailbox",
  Mailboxes: "Mailbox=Mailbox*",
  Mailbox: "Name? EmailAddress? RoutingType? MailboxType? ItemId=ItemId?",
  Attachments: "FileAttachment=FileAttachment+",
  NoAttachments: "FileAttachment=FileAttachment*",
  FileAttachment:
    "AttachmentId=AttachmentId? Name? ContentType? ContentId? ContentLocation? Size? LastModifiedTime? IsInline? IsContactPhoto? Content?",
};

/** The part of the sequence that every item begins with. */
export const ITEM =
  "MimeContent=Mime? ItemId=ItemId? ParentFolderId=FolderId? ItemClass? Subject? Sensitivity? Body=Body? Attachments=NoAttachments? DateTimeReceived? Size? Categories=Categories? Importance? InReplyTo? IsSubmitted? IsDraft? IsFromMe? IsResend? IsUnmodified? InternetMessageHeaders=Headers? DateTimeSent? DateTimeCreated? ReminderDueBy? ReminderIsSet? ReminderMinutesBeforeStart? DisplayCc? DisplayTo? HasAttachments? ExtendedProperty=ExtendedProperty* Culture?";

export const SEARCH =
  "(Exists=Exists|IsEqualTo=Compare|IsNotEqualTo=Compare|IsGreaterThan=Compare|IsGreaterThanOrEqualTo=Compare|IsLessThan=Compare|IsLessThanOrEqualTo=Compare|Contains=Contains|Not=Not|And=Many|Or=Many)";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const COUNT = /^\d+$/;
const BOOLEAN = /^(true|false|0|1)$/;
const PROPERTY_SETS =
  /^(Meeting|Appointment|Common|PublicStrings|Address|InternetHeaders|CalendarAssistant|UnifiedMessaging|Task|Sharing)$/;
const PROPERTY_TYPES =
  /^(ApplicationTime|Binary|Boolean|CLSID|Currency|Double|Float|Integer|Long|Short|String|SystemTime)(Array)?$|^(Null|Object|ObjectArray|Error)$/;
const DISTINGUISHED =
  /^(adminauditlogs|archivedeleteditems|archiveinbox|archivemsgfolderroot|archiverecoverableitemsdeletions|archiverecoverableitemsdiscoveryholds|archiverecoverableitemspurges|archiverecoverableitemsroot|archiverecoverableitemsversions|archiveroot|calendar|conflicts|contacts|conversationhistory|deleteditems|directory|drafts|favorites|imcontactlist|inbox|journal|junkemail|localfailures|msgfolderroot|mycontacts|notes|outbox|peopleconnect|publicfoldersroot|quickcontacts|recipientcache|recoverableitemsdeletions|recoverableitemsdiscoveryholds|recoverableitemspurges|recoverableitemsroot|recoverableitemsversions|root|searchfolders|sentitems|serverfailures|syncissues|tasks|todosearch|voicemail)$/;

/** The fields of folders, items and messages by name; of what this server does not keep, by its kind. */
const FIELD_URI = new RegExp(
  `^(${[
    "folder:(FolderId|ParentFolderId|DisplayName|UnreadCount|TotalCount|ChildFolderCount|FolderClass|SearchParameters|ManagedFolderInformation|PermissionSet|EffectiveRights|SharingEffectiveRights|DistinguishedFolderId|PolicyTag|ArchiveTag|ReplicaList)",
    "item:(ItemId|ParentFolderId|ItemClass|MimeContent|MimeContentUTF8|Attachments|Subject|DateTimeReceived|Size|Categories|HasAttachments|Importance|InReplyTo|InternetMessageHeaders|IsAssociated|IsDraft|IsFromMe|IsResend|IsSubmitted|IsUnmodified|DateTimeSent|DateTimeCreated|Body|ResponseObjects|Sensitivity|ReminderDueBy|ReminderIsSet|ReminderNextTime|ReminderMinutesBeforeStart|DisplayTo|DisplayCc|DisplayBcc|Culture|EffectiveRights|LastModifiedName|LastModifiedTime|ConversationId|UniqueBody|Flag|StoreEntryId|InstanceKey|NormalizedBody|EntityExtractionResult|PolicyTag|ArchiveTag|RetentionDate|Preview|NextPredictedAction|GroupingAction|PredictedActionReasons|IsClutter|RightsManagementLicenseData|BlockStatus|HasBlockedImages|WebClientReadFormQueryString|WebClientEditFormQueryString|TextBody|IconIndex)",
    "message:(ConversationIndex|ConversationTopic|InternetMessageId|IsRead|IsResponseRequested|IsReadReceiptRequested|IsDeliveryReceiptRequested|ReceivedBy|ReceivedRepresenting|References|ReplyTo|From|Sender|ToRecipients|CcRecipients|BccRecipients|ReminderMessageData|VotingInformation|ApprovalRequestData)",
    "(meeting|meetingRequest|calendar|task|contacts|distributionlist|postitem|conversation|persona|rolemember|network|bulletin):\\w+(:\\w+)*",
  ].join("|")})$`,
);

/** The attributes of each type or element; an exclamation mark after the name: it must be there. */
export const ATTRIBUTES_OF: Record<string, Record<string, RegExp>> = {
  FindFolder: { "Traversal!": /^(Shallow|Deep|SoftDeleted)$/ },
  FindItem: { "Traversal!": /^(Shallow|SoftDeleted|Associated)$/ },
  CreateItem: {
    MessageDisposition: /^(SaveOnly|SendOnly|SendAndSaveCopy)$/,
    SendMeetingInvitations: /^(SendToNone|SendOnlyToAll|SendToAllAndSaveCopy)$/,
  },
  DeleteItem: {
    "DeleteType!": /^(HardDelete|SoftDelete|MoveToDeletedItems)$/,
    SendMeetingCancellations: /^(SendToNone|SendOnlyToAll|SendToAllAndSaveCopy)$/,
    AffectedTaskOccurrences: /^(AllOccurrences|SpecifiedOccurrenceOnly)$/,
    SuppressReadReceipts: BOOLEAN,
  },
  ResolveNames: {
    "ReturnFullContactData!": BOOLEAN,
    SearchScope: /^(ActiveDirectory|ActiveDirectoryContacts|Contacts|ContactsActiveDirectory)$/,
    ContactDataShape: /^(IdOnly|Default|AllProperties|PcxPeopleSearch)$/,
  },
  RequestServerVersion: { "Version!": /^/ },
  Path: { "FieldURI!": FIELD_URI },
  IndexedPath: { "FieldURI!": /^[a-z]+(:\w+)+$/i, "FieldIndex!": /./ },
  ExtendedPath: {
    DistinguishedPropertySetId: PROPERTY_SETS,
    PropertySetId: GUID,
    PropertyTag: /^(0[xX][0-9A-Fa-f]{1,4}|\d{1,5})$/,
    PropertyName: /./,
    PropertyId: /^-?\d+$/,
    "PropertyType!": PROPERTY_TYPES,
  },
  FolderId: { "Id!": /./, ChangeKey: /^/ },
  ItemId: { "Id!": /./, ChangeKey: /^/ },
  AttachmentId: { "Id!": /./, RootItemId: /^/, RootItemChangeKey: /^/ },
  DistinguishedFolderId: { "Id!": DISTINGUISHED, ChangeKey: /^/ },
  Page: { MaxEntriesReturned: COUNT, "Offset!": COUNT, "BasePoint!": /^(Beginning|End)$/ },
  FractionalPage: { MaxEntriesReturned: COUNT, "Numerator!": COUNT, "Denominator!": COUNT },
  FieldOrder: { "Order!": /^(Ascending|Descending)$/ },
  Contains: {
    ContainmentMode: /^(FullString|Prefixed|Substring|PrefixOnWords|ExactPhrase)$/,
    ContainmentComparison:
      /^(Exact|IgnoreCase|IgnoreNonSpacingCharacters|Loose|IgnoreCaseAndNonSpacingCharacters|LooseAndIgnoreCase|LooseAndIgnoreNonSpace|LooseAndIgnoreCaseAndIgnoreNonSpace)$/,
  },
  ConstantValue: { "Value!": /^/ },
  Mime: { CharacterSet: /^/ },
  Body: { "BodyType!": /^(HTML|Text)$/, IsTruncated: BOOLEAN },
  Header: { "HeaderName!": /./ },
};

/** What a text may be, by the element's name. */
export const TEXTS_OF: Record<string, RegExp> = {
  BaseShape: /^(IdOnly|Default|AllProperties|PcxPeopleSearch)$/,
  Sensitivity: /^(Normal|Personal|Private|Confidential)$/,
  Importance: /^(Low|Normal|High)$/,
  MailboxType:
    /^(Mailbox|PublicDL|PrivateDL|Contact|PublicFolder|Unknown|OneOff|GroupMailbox|ImplicitContact|User|System)$/,
  UnresolvedEntry: /./s,
  ConversationIndex: /^[A-Za-z0-9+/\s]*={0,2}\s*$/,
  Content: /^[A-Za-z0-9+/\s]*={0,2}\s*$/,
  ...all(/^(Best|HTML|Text)$/, "BodyType UniqueBodyType NormalizedBodyType"),
  ...all(
    BOOLEAN,
    "IncludeMimeContent FilterHtmlContent ConvertHtmlCodePageToUTF8 BlockExternalImages AddBlankTargetToLinks ReturnNewItemIds IsRead IsInline IsContactPhoto " +
      "IsSubmitted IsDraft IsFromMe IsResend IsUnmodified ReminderIsSet HasAttachments IsReadReceiptRequested IsDeliveryReceiptRequested IsResponseRequested",
  ),
  ...all(/^[+-]?\d+$/, "Size TotalCount ChildFolderCount UnreadCount MaximumBodySize ReminderMinutesBeforeStart"),
  ...all(
    /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/,
    "DateTimeReceived DateTimeSent DateTimeCreated ReminderDueBy LastModifiedTime",
  ),
};

function all(pattern: RegExp, names: string): Record<string, RegExp> {
  return Object.fromEntries(names.split(" ").map((name) => [name, pattern]));
}

/** The types that hold text beside their attributes. The others with nothing within hold nothing at all. */
export const TEXT_TYPES = ["Mime", "Body", "Header"];
