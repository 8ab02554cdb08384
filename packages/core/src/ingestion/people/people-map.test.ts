import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Participant } from "../../message.ts";
import { loadPeopleMap, type PeopleMapOptions } from "./people-map.ts";

const CSV = `ExternalUserId,Display Name,Microsoft365EmailAddress
U1,"Anna
Berg",Anna@Contoso.example
U2,Bob,bob@contoso.example
`;

async function look(options: PeopleMapOptions, participant: Partial<Participant>) {
  const map = await loadPeopleMap(options);
  return map.find({ id: "U0", ...participant });
}

test("the operator's file comes before the address, the address before aliases, aliases before the directory, and then nobody", async () => {
  const options: PeopleMapOptions = {
    files: [{ path: "people.csv", text: CSV }],
    domains: ["contoso.example"],
    aliases: [
      { from: "chef@old.example", to: "head@contoso.example" },
      { from: "*@old.example", to: "*@contoso.example" },
    ],
    directory: async (address) => (address === "carl@elsewhere.example" ? "Carl@Contoso.example" : undefined),
  };

  expect(await look(options, { id: "U1", address: "private@contoso.example" })).toEqual({
    mailbox: "anna@contoso.example",
    rule: "file people.csv:3",
  });
  expect(await look(options, { address: "Dora@Contoso.Example" })).toEqual({
    mailbox: "dora@contoso.example",
    rule: "address",
  });
  expect(await look(options, { address: "eva@old.example" })).toEqual({
    mailbox: "eva@contoso.example",
    rule: "alias 2",
  });
  expect(await look(options, { address: "CHEF@old.example" })).toEqual({
    mailbox: "head@contoso.example",
    rule: "alias 1",
  });
  expect(await look(options, { address: "carl@elsewhere.example" })).toEqual({
    mailbox: "carl@contoso.example",
    rule: "directory",
  });
  expect(await look(options, { address: "nobody@elsewhere.example" })).toBeUndefined();
  expect(await look(options, { id: "U9" })).toBeUndefined();
});

test("an address is a mailbox of its own only in the named domains", async () => {
  const address = "anna@mail.contoso.example";

  expect(await look({}, { address })).toBeUndefined();
  expect(await look({ domains: ["contoso.example"] }, { address })).toBeUndefined();
  expect(await look({ domains: ["*.contoso.example"] }, { address })).toEqual({ mailbox: address, rule: "address" });
  expect(await look({ domains: "*" }, { address })).toEqual({ mailbox: address, rule: "address" });
  expect(await look({ domains: "*" }, { address: "u1@slack.invalid" })).toBeUndefined();
  expect(await look({ domains: "*" }, { address: "not an address" })).toBeUndefined();
  await expect(loadPeopleMap({ domains: ["anna@contoso.example"] })).rejects.toMatchObject({ kind: "settings" });
});

test("case, the composition of letters and the spelling of a domain make no difference", async () => {
  const files = [{ path: "people.csv", text: "address,mailbox\nZo\u00eb@B\u00fccher.example,zoe@contoso.example\n" }];

  for (const address of [
    "ZOE\u0308@xn--bcher-kva.example",
    "zo\u00eb@b\u00dcCHER.example",
    " zoe\u0308@bu\u0308cher.example ",
  ]) {
    expect(await look({ files }, { address })).toMatchObject({ mailbox: "zoe@contoso.example" });
  }
});

test("an id is found in any case, unless two people's ids differ in nothing but case", async () => {
  const files = [{ path: "p.csv", text: "id,mailbox\nU1,a@c.example\n005xX,b@c.example\n005Xx,c@c.example\n" }];

  expect(await look({ files }, { id: "u1" })).toMatchObject({ mailbox: "a@c.example" });
  expect(await look({ files }, { id: "005xX" })).toMatchObject({ mailbox: "b@c.example" });
  expect(await look({ files }, { id: "005Xx" })).toMatchObject({ mailbox: "c@c.example" });
  expect(await look({ files }, { id: "005XX" })).toBeUndefined();
});

test("a line for one source counts there only, and before a line for all", async () => {
  const text = "source,id,mailbox\n,U1,all@c.example\nSlack,U1,slack@c.example\nslack,U2,two@c.example\n";
  const map = await loadPeopleMap({ files: [{ path: "p.csv", text }] });

  expect(await map.forSource("slack").find({ id: "U1" })).toEqual({ mailbox: "slack@c.example", rule: "file p.csv:3" });
  expect(await map.forSource("x").find({ id: "U1" })).toEqual({ mailbox: "all@c.example", rule: "file p.csv:2" });
  expect(await map.forSource("x").find({ id: "U2" })).toBeUndefined();
});

test.each([
  ["commas", "id,mailbox\nU1,a@c.example"],
  ["semicolons", "id;name;mailbox\r\nU1;Berg, Anna;a@c.example\r\n"],
  ["tabs", "\ufeffExternal User ID\tMailbox\nU1\ta@c.example\n"],
  ["quotes and blanks", '\n\n "ID" , "E-Mail" \n\n "U1" , "A@C.example" \n,\n'],
])("CSV with %s is read", async (_name, text) => {
  expect(await look({ files: [{ path: "p.csv", text }] }, { id: "U1" })).toMatchObject({ mailbox: "a@c.example" });
});

test.each([
  ["pairs", "# ours\nU1: a@c.example\nb@gmail.example: b@c.example\n007: c@c.example\n"],
  [
    "entries",
    "- {id: U1, mailbox: a@c.example}\n- email: b@gmail.example\n  mailbox: b@c.example\n- id: 007\n  Microsoft365EmailAddress: c@c.example\n",
  ],
  [
    "entries below people",
    "people:\n  - {id: U1, email: a@c.example}\n  - {address: B@gmail.example, mailbox: b@c.example}\n  - {id: 007, mailbox: c@c.example}\n",
  ],
  ["JSON", '{"U1":"a@c.example","b@gmail.example":"b@c.example","007":"c@c.example"}'],
])("YAML as %s is read", async (_name, text) => {
  const files = [{ path: "p.yaml", text }];

  expect(await look({ files }, { id: "U1" })).toMatchObject({ mailbox: "a@c.example" });
  expect(await look({ files }, { id: "U2", address: "b@gmail.example" })).toMatchObject({ mailbox: "b@c.example" });
  expect(await look({ files }, { id: "007" })).toMatchObject({ mailbox: "c@c.example" });
});

test("the rule names the line of a YAML entry", async () => {
  const files = [{ path: "map/p.yml", text: "# ours\n\npeople:\n  U1: a@c.example\n  U2: b@c.example\n" }];

  expect(await look({ files }, { id: "U2" })).toEqual({ mailbox: "b@c.example", rule: "file map/p.yml:5" });
});

test("a mailbox without a domain is completed with the one that is configured", async () => {
  const files = [{ path: "p.csv", text: "id,mailbox\nU1,Anna\n" }];

  expect(await look({ files, defaultDomain: "contoso.example" }, { id: "U1" })).toMatchObject({
    mailbox: "anna@contoso.example",
  });
  await expect(look({ files }, {})).rejects.toThrowError(/p\.csv:2: the mailbox "Anna" is not a mail address/);
});

test.each([
  [
    "p.csv",
    "id,mailbox\nU1,a@c.example\nU1,b@c.example",
    /p\.csv:3: the id "U1" has the mailbox b@c\.example, and already a@c\.example at p\.csv:2\. Keep one/,
  ],
  [
    "p.csv",
    "id,address,mailbox\nU1,x@g.example,a@c.example\nU2,X@g.example,b@c.example",
    /p\.csv:3: the address "x@g\.example" has the mailbox b@/,
  ],
  ["p.csv", "id,mailbox\nU1,\n", /p\.csv:2: "U1" has no mailbox\. Fill it in, or delete the line\./],
  ["p.csv", "id,mailbox\n,a@c.example\n", /p\.csv:2: neither an id nor an address/],
  ["p.csv", "id,mailbox\nU1,Anna <a@c.example>\n", /p\.csv:2: the mailbox "Anna <a@c\.example>" is not a mail address/],
  ["p.csv", "address,mailbox\nU1,a@c.example\n", /p\.csv:2: the address "U1" is not a mail address\. If it is an id/],
  ["p.csv", "id,mailbox\nU1,a@c.example,x\n", /p\.csv:2: the line has 3 columns, where the header has 2/],
  [
    "p.csv",
    'id,mailbox\nU1,a@c.example\nU2,"b@c.example\n',
    /p\.csv:\d+: the line is not valid CSV \(CSV_QUOTE_NOT_CLOSED\)/,
  ],
  [
    "p.csv",
    "id,name\nU1,Anna\n",
    /p\.csv:1: the header names no column for the mailbox\. The columns are "id", "name"/,
  ],
  ["p.csv", "mailbox\na@c.example\n", /p\.csv:1: the header names no column for the person/],
  ["p.csv", "id,user id,mailbox\n", /p\.csv:1: two columns hold the id/],
  ["p.csv", "", /p\.csv: the file is empty/],
  ["p.yaml", "U1: [a@c.example]\n", /p\.yaml:1: The entry is not one text/],
  ["p.yaml", "- U1\n- {id: U2, mailbox: b@c.example}\n", /p\.yaml:1: The entry is not a mapping/],
  ["p.yaml", "- id: U1\n  mailbox: [x]\n", /p\.yaml:1: The mailbox is not a text/],
  ["p.yaml", "U1: a@c.example\nU1: b@c.example\n", /p\.yaml:2: the file is not valid YAML \(DUPLICATE_KEY\)/],
  ["p.yaml", "a: &x b@c.example\nU2: *x\n", /p\.yaml:2: The entry is not one text/],
  ["p.yaml", "a: [", /p\.yaml:1: the file is not valid YAML/],
  ["p.yaml", "just text", /p\.yaml:1: The file holds no people/],
  ["p.yaml", "", /p\.yaml:1: The file holds no people/],
  ["p.yaml", "[".repeat(100_000), /p\.yaml:1: the file is not valid YAML/],
  ["people.xlsx", "", /people\.xlsx: its name does not say what it is/],
])("of the faulty %s %j the line, the reason and the remedy are named", async (path, text, message) => {
  await expect(loadPeopleMap({ files: [{ path, text }] })).rejects.toMatchObject({
    kind: "settings",
    message: expect.stringMatching(message),
    remedy: "Mend the named lines of the people files.",
  });
});

test("all faults of all files are named at once, up to twenty", async () => {
  const many = `id,mailbox\n${Array.from({ length: 30 }, (_value, index) => `U${index},x`).join("\n")}`;

  await expect(
    loadPeopleMap({
      files: [
        { path: "a.csv", text: many },
        { path: "b.yaml", text: "U1: x" },
      ],
    }),
  ).rejects.toThrowError(/a\.csv:2: [^]*a\.csv:21: [^]*and 11 more/);
});

test("the same person twice with the same mailbox is no fault", async () => {
  const files = [
    { path: "a.csv", text: "id,mailbox\nU1,a@c.example\nU1,A@C.example\n" },
    { path: "b.csv", text: "id,mailbox\nu1,a@c.example\n" },
  ];

  expect(await look({ files }, { id: "U1" })).toEqual({ mailbox: "a@c.example", rule: "file a.csv:2" });
});

test.each([
  ["*@old.example", "*@new.example", "a.b@old.example", "a.b@new.example"],
  ["*.ext@old.example", "*@new.example", "a.ext@old.example", "a@new.example"],
  ["anna@*.old.example", "anna@*.new.example", "anna@de.old.example", "anna@de.new.example"],
  ["*@old.example", "archive@new.example", "a@old.example", "archive@new.example"],
  ["*@old.example", "*@new.example", "a@other.example", undefined],
  ["*@old.example", "*@new.example", "a@very.old.example", undefined],
  ["*.ext@old.example", "*@new.example", ".ext@old.example", undefined],
])("the alias from %s to %s makes of %s %s", async (from, to, address, mailbox) => {
  expect(await look({ aliases: [{ from, to }] }, { address })).toEqual(
    mailbox === undefined ? undefined : { mailbox, rule: "alias 1" },
  );
});

test.each([
  ["*@*.old.example", "*@new.example"],
  ["**@old.example", "*@new.example"],
  ["a@old.example", "*@new.example"],
  ["*@old.example", "*@*"],
  ["*", "*@new.example"],
  ["^(.+)@old.example$", "$1@new.example"],
  ["", ""],
])("from %j to %j is not an alias rule, and the error shows one", async (from, to) => {
  await expect(
    loadPeopleMap({
      aliases: [
        { from: "*@a.example", to: "*@b.example" },
        { from, to },
      ],
    }),
  ).rejects.toMatchObject({
    kind: "settings",
    message: expect.stringContaining("Alias 2"),
    remedy: expect.stringContaining("*@old.example"),
  });
});

test("a place is nobody, whatever it looks like", async () => {
  const options: PeopleMapOptions = {
    files: [{ path: "p.csv", text: CSV }],
    domains: "*",
    directory: async () => "found@c.example",
  };

  expect(await look(options, { id: "U1", kind: "place", address: "general@contoso.example" })).toBeUndefined();
  expect(await look(options, { id: "U1", kind: "bot" })).toMatchObject({ mailbox: "anna@contoso.example" });
});

test("the digest changes with files and rules and with nothing else", async () => {
  const digest = async (options: PeopleMapOptions) => (await loadPeopleMap(options)).digest;
  const files = [{ path: "p.csv", text: CSV }];

  expect(await digest({ files })).toBe(await digest({ files: [{ path: "p.csv", text: CSV }] }));
  expect(
    new Set([
      await digest({}),
      await digest({ files }),
      await digest({ files, domains: ["a.example"] }),
      await digest({ domains: "*" }),
    ]).size,
  ).toBe(4);
});

test("without a directory answers come at once, and with one only what must be asked is waited for", async () => {
  const map = await loadPeopleMap({ files: [{ path: "p.csv", text: CSV }], directory: async () => "x@c.example" });

  expect(map.find({ id: "U1" })).toMatchObject({ mailbox: "anna@contoso.example" });
  expect(map.find({ id: "U9" })).toBeUndefined();
  expect(map.known({ id: "U9", address: "a@b.example" })).toBeUndefined();
  expect(map.find({ id: "U9", address: "a@b.example" })).toBeInstanceOf(Promise);
  await map.find({ id: "U9", address: "a@b.example" });
  expect(map.find({ id: "U9", address: "A@b.example" })).toEqual({ mailbox: "x@c.example", rule: "directory" });
  expect(map.known({ id: "U9", address: "a@b.example" })).toEqual({ mailbox: "x@c.example", rule: "directory" });
});

test("whoever is in a file is found in every spelling of case, and nobody else is", async () => {
  const id = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter((text) => text.trim() === text && text.isWellFormed() && !/[@\p{Cc}]/u.test(text));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(id, {
        minLength: 1,
        maxLength: 20,
        selector: (text) => text.normalize("NFC").toLowerCase().normalize("NFC"),
      }),
      id,
      async (ids, other) => {
        const lines = ids.map((each, index) => `"${each.replaceAll('"', '""')}",m${index}@c.example`);
        const map = await loadPeopleMap({ files: [{ path: "p.csv", text: `id,mailbox\n${lines.join("\n")}` }] });
        for (const [index, each] of ids.entries()) {
          expect(map.known({ id: each })).toEqual({ mailbox: `m${index}@c.example`, rule: `file p.csv:${index + 2}` });
          expect(map.known({ id: each.normalize("NFD").toLowerCase() })?.mailbox).toBe(`m${index}@c.example`);
        }
        const isNew = !ids.some(
          (each) =>
            each.normalize("NFC").toLowerCase().normalize("NFC") ===
            other.normalize("NFC").toLowerCase().normalize("NFC"),
        );
        expect(map.known({ id: other }) === undefined).toBe(isNew);
      },
    ),
    { numRuns: 300, seed: 11 },
  );
});

test("a hundred thousand people are loaded and a million look-ups answered within seconds", async () => {
  const lines = Array.from({ length: 100_000 }, (_value, index) => `U${index},person${index}@contoso.example`);
  const startedAt = performance.now();
  const map = await loadPeopleMap({ files: [{ path: "p.csv", text: `id,mailbox\n${lines.join("\n")}` }] });
  const loadedAt = performance.now();
  const participants = Array.from({ length: 1000 }, (_value, index) => ({
    id: `u${index * 7}`,
    address: `p${index}@x.example`,
  }));

  for (let round = 0; round < 1000; round += 1) for (const participant of participants) void map.find(participant);

  expect(loadedAt - startedAt).toBeLessThan(10_000);
  expect(performance.now() - loadedAt).toBeLessThan(5000);
});
