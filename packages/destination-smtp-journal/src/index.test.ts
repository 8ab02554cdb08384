import { inspect } from "node:util";
import { DESTINATION_VERSION } from "@hansard/core/ingestion";
import { expect, test } from "vitest";
import { z } from "zod";
import { Settings, destination } from "./index.ts";

const SETTINGS = {
  preset: "exchange",
  host: "smtp.archive.example",
  recipient: "journal@archive.example",
  signIn: { method: "password", user: "hansard", password: "a-secret" },
};

test("the plugin speaks the version of the interface that the runner knows", () => {
  expect(destination).toMatchObject({
    destinationVersion: DESTINATION_VERSION,
    id: "smtp-journal",
    settings: Settings,
  });
});

test("each setting is described, and each secret is marked", () => {
  const secrets = new Set<string>();
  const undescribed: string[] = [];
  visit(z.toJSONSchema(Settings, { io: "input" }), (name, property) => {
    if (property["secret"] === true) secrets.add(name);
    if (property["const"] === undefined && typeof property["description"] !== "string") undescribed.push(name);
  });
  expect([...secrets].toSorted()).toEqual(["accessToken", "clientSecret", "password"]);
  expect(undescribed).toEqual([]);
});

test("settings that nobody knows are refused, and no secret is printed", () => {
  expect(Settings.safeParse({ ...SETTINGS, folderr: 1 }).success).toBe(false);
  const settings = Settings.parse(SETTINGS);
  expect(JSON.stringify(settings) + inspect(settings, { depth: 9 })).not.toContain("a-secret");
});

function visit(schema: unknown, visitProperty: (name: string, property: Record<string, unknown>) => void): void {
  if (typeof schema !== "object" || schema === null) return;
  if ("properties" in schema && typeof schema.properties === "object" && schema.properties !== null) {
    for (const [name, property] of Object.entries(schema.properties)) visitProperty(name, property);
  }
  for (const part of Object.values(schema)) visit(part, visitProperty);
}
