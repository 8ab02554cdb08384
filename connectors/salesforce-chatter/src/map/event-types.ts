/** What becomes of a feed item, by its Type. AdvancedTextPost is told apart by what it carries, and any other Type is `Other`. */
export const POST_TYPES: Record<string, EventType> = {
  TextPost: "Post",
  UserStatus: "Post",
  RypplePost: "Post",
  CanvasPost: "Post",
  ReplyPost: "Post",
  LinkPost: "Link",
  ContentPost: "File",
  PollPost: "Poll",
  QuestionPost: "Question",
  TrackedChange: "TrackedChange",
  ActivityEvent: "Activity",
  ApprovalPost: "Activity",
  AttachArticleEvent: "Activity",
  CallLogPost: "Activity",
  CaseCommentPost: "Activity",
  ChangeStatusPost: "Activity",
  ChatTranscriptPost: "Activity",
  CollaborationGroupCreated: "Activity",
  CollaborationGroupUnarchived: "Activity",
  CreatedRecordEvent: "Activity",
  CreateRecordEvent: "Activity",
  DashboardComponentAlert: "Activity",
  DashboardComponentSnapshot: "Activity",
  EmailMessageEvent: "Activity",
  FacebookPost: "Activity",
  MilestoneEvent: "Activity",
  ProfileSkillPost: "Activity",
  SocialPost: "Activity",
};

export type EventType =
  | "Post"
  | "Link"
  | "File"
  | "Poll"
  | "Question"
  | "Announcement"
  | "TrackedChange"
  | "Activity"
  | "DirectMessage"
  | "Comment"
  | "Reply"
  | "Answer"
  | "Edit"
  | "Delete"
  | "Like"
  | "Unlike"
  | "Vote"
  | "VoteWithdrawn"
  | "FileVersion"
  | "PrivateMessage"
  | "GroupJoin"
  | "GroupLeave"
  | "Other";
