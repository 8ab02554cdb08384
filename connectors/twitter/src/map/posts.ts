import type { CapturedEvent, Json, MessageDraft } from "@hansard/core";
import { Poll, type Post, parsePost } from "../schema/post.ts";
import { filesOf } from "./attachments.ts";
import { distinct, followersOf, handle, person, postOf } from "./people.ts";
import { escapeHtml, expandLinks, paragraphs, subjectOf } from "./text.ts";

const LEADS: Record<string, string> = {
  Reply: "Reply by",
  Retweet: "Repost by",
  Quote: "Quote by",
  Mention: "Mention by",
  CommunityPost: "Community post by",
};

/** A post of any kind, addressed to the author's followers and to those whom it speaks to. */
export function toPost(event: CapturedEvent): MessageDraft {
  const post = postOf(event);
  const author = post.authorId ?? "unknown";
  const { context } = event;
  const text = textOf(post, event);
  const { attachments, html, notes } = filesOf(event);
  const quoted = quotedPosts(post, event);
  const poll = pollLines(post, event);
  const addressed = [post.repliesToUser, ...post.mentions.map(({ id }) => id)].filter(
    (id) => id !== undefined && id !== author,
  );
  const community = post.communityId
    ? [{ id: `community:${post.communityId}`, name: `Community ${post.communityId}`, kind: "place" as const }]
    : [];
  const answered = [post.repliesTo, post.quotes]
    .filter((id) => id !== undefined)
    .flatMap((id) => keyOfReferenced(event, id));
  const lead = `${LEADS[event.type] ?? "Post by"} ${handle(context, author)}`;
  const original = originalOf(post, context);
  return {
    from: person(context, author),
    to: distinct([followersOf(context, author), ...community, ...addressed.map((id) => person(context, id ?? ""))]),
    date: event.occurredAt,
    subject: subjectOf(lead, original ? original.text : text),
    text: [text, ...poll, ...quoted.map(({ asText }) => asText)].filter(Boolean).join("\n\n"),
    html: [text && paragraphs(text), ...poll.map(paragraphs), html, ...quoted.map(({ asHtml }) => asHtml)].join(""),
    ...(attachments.length > 0 && { attachments }),
    ...notesOf([...notes, ...quoted.flatMap(({ note }) => (note === undefined ? [] : [note])), ...archiveNotes(post)]),
    ...(post.conversationId !== undefined && {
      conversation: { id: post.conversationId, name: `Conversation ${post.conversationId}` },
    }),
    ...(answered.length > 0 && { references: answered }),
  };
}

/** A later version, which stands beside the earlier ones. */
export function toEdit(event: CapturedEvent): MessageDraft {
  const post = postOf(event);
  const { conversation, references = [], notes = [], ...draft } = toPost(event);
  const version = post.chain.indexOf(post.id) + 1;
  return {
    ...draft,
    subject: subjectOf(`Edit of a post by ${handle(event.context, post.authorId ?? "unknown")}`, draft.text),
    notes: [...notes, `This is version ${version} of the post ${post.chain[0]}.`],
    ...(conversation && { conversation }),
    references: [...references, event.key],
  };
}

/** A repost's own text is cut short by X: what stands in the archive is the post that it repeats. */
function textOf(post: Post, { context }: CapturedEvent): string {
  const original = originalOf(post, context);
  if (!original) return expandLinks(post.text, post.links);
  const whose = original.authorId === undefined ? "a post" : handle(context, original.authorId);
  return `Reposted ${whose}:\n${expandLinks(original.text, original.links)}`;
}

function originalOf({ reposts }: Post, context: Record<string, Json>): Post | undefined {
  const raw = reposts === undefined ? undefined : context[`referenced:${reposts}`];
  return raw === undefined ? undefined : parsePost(raw);
}

function quotedPosts(post: Post, { context }: CapturedEvent): { asText: string; asHtml: string; note?: string }[] {
  const kinds: [string | undefined, string][] = [
    [post.repliesTo, "In reply to"],
    [post.quotes, "Quoted"],
    [post.reposts === "unknown" ? undefined : post.reposts, "Reposted"],
  ];
  return kinds.flatMap(([id, kind]) => {
    if (id === undefined) return [];
    const raw = context[`referenced:${id}`];
    if (raw === undefined)
      return [
        {
          asText: "",
          asHtml: "",
          note: `${kind}: the post ${id}, which could not be read.${said(context[`absent:${id}`])}`,
        },
      ];
    if (kind === "Reposted") return [];
    const other = parsePost(raw);
    const head = `${kind} ${other.authorId === undefined ? "a post" : handle(context, other.authorId)} (${other.createdAt ?? id}):`;
    const text = expandLinks(other.text, other.links);
    const lines = text.split("\n").map((line) => `> ${line}`);
    return [
      {
        asText: [head, ...lines].join("\n"),
        asHtml: `<blockquote><p>${escapeHtml(head)}</p>${paragraphs(text)}</blockquote>`,
      },
    ];
  });
}

function said(problem: unknown): string {
  return typeof problem === "string" && problem ? ` X says: ${problem}` : "";
}

function pollLines(post: Post, { context }: CapturedEvent): string[] {
  return post.pollIds.flatMap((id) => {
    const poll = Poll.safeParse(context[`poll:${id}`]).data;
    return poll
      ? [
          [
            "Poll:",
            ...poll.options.map(
              ({ label, votes }) => `- ${label}${votes === undefined ? "" : ` (${votes} votes when captured)`}`,
            ),
          ].join("\n"),
        ]
      : [];
  });
}

function archiveNotes(post: Post): string[] {
  return post.reposts === "unknown"
    ? ["An account archive does not hold the post that is repeated: its text may be cut short."]
    : [];
}

/** Only a post by the same author is sure to have a key of the same kind. */
function keyOfReferenced(event: CapturedEvent, id: string): string[] {
  const raw = event.context[`referenced:${id}`];
  if (raw === undefined) return [];
  const other = parsePost(raw);
  const own = event.key.startsWith(`post:${other.authorId ?? ""}:`);
  return own
    ? [`post:${other.authorId ?? ""}:${other.chain[0].padStart(19, "0")}`]
    : [`mention:${other.chain[0].padStart(19, "0")}`];
}

export function notesOf(notes: string[]): { notes?: string[] } {
  return notes.length > 0 ? { notes } : {};
}
