import { conformance } from "@hansard/testkit";
import { expect, test } from "vitest";
import { startSalesforce } from "../../tooling/servers/salesforce/index.ts";
import { connector } from "./src/index.ts";
import { addPost, addUser, quietOrganization } from "./testing/fixed.ts";
import { APP, jwtInput } from "./testing/salesforce.ts";

conformance(connector, {
  fixtures: new URL("fixtures/", import.meta.url),
  source: {
    events: 14,
    settings: ({ url }) => ({ ...jwtInput(url), instanceUrl: url }),
    async start() {
      const organization = quietOrganization({}, new Date());
      const ann = addUser(organization, "Ann");
      for (let count = 0; count < 8; count += 1)
        addPost(organization, ann, { Type: count === 3 ? "HologramPost" : "TextPost" });
      const post = addPost(organization, ann);
      for (let count = 0; count < 3; count += 1) {
        organization.insert("FeedComment", {
          FeedItemId: post,
          ParentId: ann,
          CommentBody: "Yes",
          CreatedById: ann,
          InsertedById: ann,
          CreatedDate: organization.time(),
          SystemModstamp: organization.time(),
        });
      }
      const conversation = organization.id("ChatterConversation");
      organization.insert("ChatterConversationMember", { ConversationId: conversation, MemberId: ann });
      for (let count = 0; count < 2; count += 1)
        organization.insert("ChatterMessage", {
          ConversationId: conversation,
          SenderId: ann,
          Body: "Psst",
          SentDate: organization.time(),
        });
      const server = await startSalesforce({ organization, app: APP, pageSize: () => 4 });
      return Object.assign(server, { now: organization.now });
    },
    later: {
      events: 2,
      happen({ server }) {
        const { organization } = server.options;
        const [ann] = organization.all("User");
        const [gone] = organization.all("FeedItem");
        organization.advance(120_000);
        addPost(organization, ann?.Id ?? "");
        organization.remove("FeedItem", gone?.Id ?? "");
        organization.advance(120_000);
      },
    },
  },
});

test("the message class bears the token that Microsoft's catalogue knows", () => {
  expect(connector.source).toBe("Chatter");
  expect(Object.keys(connector.events)).toEqual(expect.arrayContaining(["Post", "Comment"]));
});
