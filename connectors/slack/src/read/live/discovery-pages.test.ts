import { expect, test } from "vitest";
import type { z } from "zod";
import { discoveryPages } from "./discovery.ts";
import type { Arguments, SlackApi } from "./api.ts";

function apiThatGives(pages: Record<string, unknown>[]): { api: SlackApi; asked: Arguments[] } {
  const asked: Arguments[] = [];
  const api = {
    call: async (_method: string, args: Arguments, schema: z.ZodType) => {
      asked.push(args);
      return schema.parse(pages[asked.length - 1]);
    },
  } as unknown as SlackApi;
  return { api, asked };
}

async function all(api: SlackApi, feedback: "latest" | "offset"): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const page of discoveryPages(api, "discovery.things", "things", { channel: "C1" }, feedback))
    items.push(...page);
  return items;
}

test.each(["latest", "offset"] as const)(
  "what Slack calls offset goes back as %s, until there is none",
  async (feedback) => {
    const { api, asked } = apiThatGives([
      { things: [1], offset: "5.000100" },
      { things: [2], offset: 7 },
      { things: [3], offset: "" },
    ]);
    expect(await all(api, feedback)).toEqual([1, 2, 3]);
    expect(asked.map((args) => args[feedback])).toEqual([undefined, "5.000100", "7"]);
  },
);

test("pages that do not move on are an error, and not read for ever", async () => {
  const { api } = apiThatGives([
    { things: [1], offset: "5" },
    { things: [1], offset: "5" },
  ]);
  await expect(all(api, "latest")).rejects.toThrow("do not move on from 5");
});
