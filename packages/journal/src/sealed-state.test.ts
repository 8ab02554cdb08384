import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Secret } from "@hansard/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LocalJournal, openJournal } from "./open-journal.ts";
import type { StateKeys } from "./state-keys.ts";

const TOKEN = "refresh-token-that-nobody-may-see";
let home: string;
let folder: string;
let open: LocalJournal[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "hansard-state-"));
  folder = join(home, "data", "journal");
  open = [];
});

afterEach(async () => {
  for (const journal of open) await journal.close();
  rmSync(home, { recursive: true });
});

test("what a source remembers lies nowhere in the journal's folder in clear, nor does the key", async () => {
  const keys = { file: join(home, "config", ".hansard", "state.key") };
  const journal = await journalWith(keys);
  await journal.setState("x", "oauth2:1", TOKEN);

  expect(await journal.state("x", "oauth2:1")).toBe(TOKEN);
  const key = Buffer.from(readFileSync(keys.file, "utf8"), "base64");
  expect(key).toHaveLength(32);
  const all = everythingIn(folder);
  for (const clear of [TOKEN, key, key.toString("hex"), key.toString("base64")])
    expect(all.includes(clear)).toBe(false);
  expect(all.includes("oauth2:1")).toBe(true);
});

test("a key file is made for its owner alone, outside version control, and only when something is to be sealed", async () => {
  const file = join(home, ".hansard", "state.key");
  const journal = await journalWith({ file });
  expect(await journal.state("x", "oauth2:1")).toBeUndefined();
  expect(existsSync(file)).toBe(false);
  await journal.setState("x", "oauth2:1", TOKEN);

  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(home, ".hansard")).toSorted()).toEqual([".gitignore", "state.key"]);
  expect(readFileSync(join(home, ".hansard", ".gitignore"), "utf8")).toBe("*\n");
});

test("the same value sealed twice gives different bytes, and opens for a journal opened again", async () => {
  const journal = await journalWith();
  await journal.setState("x", "a", TOKEN);
  const first = stored("a");
  await journal.setState("x", "a", TOKEN);

  expect(first).toBeInstanceOf(Uint8Array);
  expect(stored("a")).not.toEqual(first);
  expect(await (await journalWith()).state("x", "a")).toBe(TOKEN);
});

test("a value that an earlier version left in clear is read, and no byte of it is left once it was written again", async () => {
  const journal = await journalWith();
  const clear = `${"-".repeat(700)}${TOKEN}${"-".repeat(700)}`;
  put("x", "old", clear);
  expect(await journal.state("x", "old")).toBe(clear);
  expect(journal.stateProtection()).toMatchObject({ sealed: 0, clear: 1, unreadable: [] });
  expect(everythingIn(folder).includes(TOKEN)).toBe(true);
  await journal.setState("x", "old", "the-next-token");

  expect(await journal.state("x", "old")).toBe("the-next-token");
  expect(journal.stateProtection()).toMatchObject({ sealed: 1, clear: 0, unreadable: [] });
  expect(everythingIn(folder).includes(TOKEN)).toBe(false);
});

test("a given key seals, and those behind it and the key file still open what they sealed", async () => {
  const [first, second] = [newKey(), newKey("hex")];
  const file = join(home, "state.key");
  await (await journalWith({ file })).setState("x", "by file", TOKEN);
  await (await journalWith({ file, ...given(first) })).setState("x", "by first", TOKEN);
  const journal = await journalWith({ file, ...given(`${second}\n${first}\n`) });
  await journal.setState("x", "by second", TOKEN);

  for (const name of ["by file", "by first", "by second"]) expect(await journal.state("x", name)).toBe(TOKEN);
  expect(journal.stateProtection()).toMatchObject({ key: "given", file, sealed: 3, clear: 0, unreadable: [] });
  expect(new Set(journal.stateProtection().keys).size).toBe(3);
  const onlySecond = await journalWith({ file: join(home, "other.key"), ...given(second) });
  expect(onlySecond.stateProtection()).toMatchObject({
    sealed: 1,
    unreadable: [
      { source: "x", name: "by file" },
      { source: "x", name: "by first" },
    ],
  });
});

test("without its key a value is an error that says how to go on, and is left as it is", async () => {
  await (await journalWith(given(newKey()))).setState("x", "oauth2:1", TOKEN);
  const before = stored("oauth2:1");
  const journal = await journalWith(given(newKey()));

  await expect(journal.state("x", "oauth2:1")).rejects.toMatchObject({
    kind: "authentication",
    message: expect.stringContaining('source "x" remembers as "oauth2:1"'),
    remedy: expect.stringMatching(/Give that key in stateKey.*sign in again.*hansard state forget x/),
  });
  expect(stored("oauth2:1")).toEqual(before);
});

test("what no key opens can be forgotten, and nothing else is", async () => {
  const keys = given(newKey());
  await (await journalWith(given(newKey()))).setState("x", "lost", TOKEN);
  const journal = await journalWith(keys);
  await journal.setState("x", "kept", TOKEN);
  await journal.openSource({ id: "y", connector: "twitter", version: "1.0.0" });

  expect(journal.forgetUnreadableState("y")).toEqual([]);
  expect(journal.forgetUnreadableState("x")).toEqual(["lost"]);
  expect(await journal.state("x", "lost")).toBeUndefined();
  expect(await journal.state("x", "kept")).toBe(TOKEN);
});

test("a value that was altered, or put under another name, source or journal, does not open", async () => {
  const keys = given(newKey());
  const journal = await journalWith(keys);
  await journal.setState("x", "a", TOKEN);
  const value = stored("a");
  await journal.openSource({ id: "y", connector: "twitter", version: "1.0.0" });
  put("x", "b", value);
  put("y", "a", value);
  const last = value.length - 1;
  put("x", "changed", value.with(last, (value[last] ?? 0) ^ 1));
  const [ours, elsewhere] = [folder, join(home, "elsewhere")];
  folder = elsewhere;
  const other = await journalWith(keys);
  put("x", "a", value);
  folder = ours;

  const altered = { kind: "authentication", message: expect.stringContaining("was altered or moved") };
  for (const [of, source, name] of [
    [journal, "x", "b"],
    [journal, "y", "a"],
    [journal, "x", "changed"],
    [other, "x", "a"],
  ] as const)
    await expect(of.state(source, name)).rejects.toMatchObject(altered);
  expect(await journal.state("x", "a")).toBe(TOKEN);
});

test("a key of the wrong length is refused with how to make one, and is not shown", async () => {
  for (const wrong of ["a passphrase", newKey().slice(0, 20), ""]) {
    const journal = await journalWith(given(wrong));
    const error: unknown = await journal.setState("x", "a", TOKEN).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: "settings", remedy: expect.stringContaining("openssl rand -base64 32") });
    if (wrong) expect(String(error)).not.toContain(wrong);
  }
  const file = join(home, "state.key");
  writeFileSync(file, "cut o");
  await expect((await journalWith({ file })).setState("x", "a", TOKEN)).rejects.toThrow(file);
});

test("where no key file can be made, that is said with what to do, and nothing is stored", async () => {
  writeFileSync(join(home, "not-a-folder"), "");
  const journal = await journalWith({ file: join(home, "not-a-folder", "state.key") });

  await expect(journal.setState("x", "a", TOKEN)).rejects.toMatchObject({
    kind: "settings",
    remedy: expect.stringContaining("stateKey"),
  });
  expect(await journal.state("x", "a")).toBeUndefined();
});

test("two journals that make the key file at once seal with the same key", async () => {
  const file = join(home, "state.key");
  const [one, other] = [await journalWith({ file }), await journalWith({ file })];
  expect(one.stateProtection().sealed + other.stateProtection().sealed).toBe(0);
  await one.setState("x", "a", TOKEN);
  await other.setState("x", "b", TOKEN);

  expect((await journalWith({ file })).stateProtection()).toMatchObject({ sealed: 2, unreadable: [] });
});

test("no entry of the log, which an export carries, holds what a source remembers", async () => {
  const journal = await journalWith();
  await journal.setState("x", "a", TOKEN);
  await journal.append("x", "all", { events: [], checkpoint: 1 }, new Date());

  const entries = [];
  for await (const entry of journal.entries()) entries.push(entry);
  expect(entries).toHaveLength(1);
  expect(JSON.stringify(entries)).not.toContain(TOKEN);
});

async function journalWith(stateKeys?: StateKeys): Promise<LocalJournal> {
  const journal = openJournal(folder, stateKeys ? { stateKeys } : {});
  open.push(journal);
  await journal.openSource({ id: "x", connector: "twitter", version: "1.0.0" });
  return journal;
}

function newKey(encoding: "base64" | "hex" = "base64"): string {
  return randomBytes(32).toString(encoding);
}

function given(text: string): StateKeys {
  return { given: () => new Secret(text) };
}

function stored(name: string): Uint8Array {
  const database = new DatabaseSync(join(folder, "journal.db"));
  const value = database.prepare("SELECT value FROM state WHERE name = ?").get(name)?.["value"];
  database.close();
  if (!(value instanceof Uint8Array)) throw new Error(`"${name}" is not sealed.`);
  return value;
}

function put(source: string, name: string, value: string | Uint8Array): void {
  const database = new DatabaseSync(join(folder, "journal.db"));
  const id = Number(database.prepare("SELECT id FROM source WHERE name = ?").get(source)?.["id"]);
  database.prepare("INSERT INTO state VALUES (?, ?, ?)").run(id, name, value);
  database.close();
}

function everythingIn(path: string): Buffer {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Buffer.concat(files.map((entry) => readFileSync(join(entry.parentPath, entry.name))));
}
