import { afterEach, beforeEach, expect, test } from "vitest";
import { TestInstallation } from "./installation.ts";
import { writeSlackFolder } from "./slack-folder.ts";

// The people map changes after messages were delivered. What was archived stays what it was, byte for byte, for those who come later too.

const ANN = "ann@contoso.example";
const GRETA = "greta@contoso.example";
const THIRD = "third-party@contoso.example";

let here: TestInstallation;

beforeEach(() => {
  here = new TestInstallation(
    JSON.stringify({
      sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
      destinations: { archive: { thirdPartyMailbox: THIRD } },
      people: { domains: ["contoso.example"], files: ["people.csv"] },
    }),
  );
  map({});
  // Of Greta the source knows no address.
  writeSlackFolder(here, { U1: ANN, U2: undefined }, [
    { user: "U2", text: "first" },
    { user: "U1", text: "second" },
  ]);
});

afterEach(() => here.remove());

test("who is mapped later gets the very messages that the others have", async () => {
  expect(await here.json("run")).toMatchObject({ balanced: true });
  expect(await copies()).toEqual({ first: [ANN], second: [ANN] });
  const before = await hashes();

  map({ U2: GRETA });
  expect(await here.json("reroute")).toMatchObject({ copies: 2, quarantined: 0 });
  expect(await copies()).toEqual({ first: [ANN, GRETA], second: [ANN, GRETA] });
  expect(await hashes()).toEqual(before);
  expect(await here.json("replay")).toMatchObject({ same: 2, different: 0 });
  expect(await here.json("reconcile")).toMatchObject({ balanced: true });
  expect(await here.hansard("verify")).toMatchObject({ code: 0 });
  expect(await here.json("reroute")).toMatchObject({ copies: 0 });
}, 120_000);

test("an address that the people map gave stays in the mail when the map gives another", async () => {
  map({ U2: GRETA });
  await here.json("run");
  expect(await copies()).toEqual({ first: [ANN, GRETA], second: [ANN, GRETA] });
  const before = await hashes();
  map({ U2: "greta.new@contoso.example" });
  expect(await here.json("reroute")).toMatchObject({ copies: 2, quarantined: 0 });
  expect((await copies())["first"]).toEqual([ANN, "greta.new@contoso.example", GRETA]);
  expect(await hashes()).toEqual(before);
  expect(await here.json("replay")).toMatchObject({ same: 2, different: 0 });
}, 120_000);

function map(people: Record<string, string>): void {
  const lines = Object.entries(people).map(([id, mailbox]) => `${id},${mailbox}`);
  here.write("people.csv", ["id,mailbox", ...lines, ""].join("\n"));
}

interface Hit {
  messageId: string;
  subject: string;
  sha256: string;
  copies: { mailbox: string }[];
}

async function hits(): Promise<Hit[]> {
  const { messages } = await here.json<{ messages: Hit[] }>("search", "kind:externaldata");
  return messages;
}

async function copies(): Promise<Record<string, string[]>> {
  const found = await hits();
  return Object.fromEntries(
    found.map(({ subject, copies: where }) => [
      /first|second/.exec(subject)?.[0] ?? subject,
      where.map(({ mailbox }) => mailbox).sort(),
    ]),
  );
}

async function hashes(): Promise<Record<string, string>> {
  return Object.fromEntries((await hits()).map(({ messageId, sha256 }) => [messageId, sha256]));
}
