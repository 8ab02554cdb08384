import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadPeopleMap } from "@hansard/core/ingestion";
import { expect, test } from "vitest";
import { ROOT } from "./workspace.ts";

// The people files that docs/running.md shows.

const chapter = readFileSync(join(ROOT, "docs", "running.md"), "utf8");
const examples = [...chapter.matchAll(/^```(?:csv|yaml) (\S+)\n([^]*?)^```$/gm)].map(([, path = "", text = ""]) => ({
  path,
  text,
}));

test("the chapter shows a people file as CSV and in both forms of YAML", () => {
  expect(examples.map(({ path }) => path)).toEqual(["people.csv", "people.yaml", "short.yaml"]);
});

test.each(examples)("$path of the chapter maps an id and an address", async (file) => {
  const people = (await loadPeopleMap({ files: [file] })).forSource("slack");
  expect(people.known({ id: "U02ANNA" })?.mailbox).toBe("anna@example.com");
  expect(people.known({ id: "U9", address: "Greta@gmail.example" })?.mailbox).toBe("greta@example.com");
});

test.each(examples.filter(({ text }) => text.includes("source")))(
  "$path of the chapter restricts a line to the source that it names",
  async (file) => {
    const people = (await loadPeopleMap({ files: [file] })).forSource("another");
    expect(people.known({ id: "U02ANNA" })).toBeUndefined();
    expect(people.known({ id: "U9", address: "greta@gmail.example" })?.mailbox).toBe("greta@example.com");
  },
);

test("what the chapter says of YAML holds: the key people around either form, and digits that stay as they are", async () => {
  const files = [{ path: "p.yaml", text: "people:\n  007: anna@example.com\n" }];
  expect((await loadPeopleMap({ files })).known({ id: "007" })?.mailbox).toBe("anna@example.com");
  const bare = [{ path: "p.yaml", text: "- { id: 007, mailbox: anna@example.com, name: Anna }\n" }];
  expect((await loadPeopleMap({ files: bare })).known({ id: "007" })?.mailbox).toBe("anna@example.com");
});
