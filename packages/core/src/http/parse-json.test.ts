import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { createWording } from "./http-failure.ts";
import { parseJson } from "./parse-json.ts";

const Anything = z.unknown();

function parse<Schema extends z.ZodType>(
  text: string | Uint8Array,
  schema: Schema,
  contentType = "application/json",
  secrets: string[] = [],
) {
  const body = typeof text === "string" ? Buffer.from(text) : text;
  const answer = { status: 200, headers: new Headers({ "content-type": contentType }), body };
  return parseJson(answer, schema, "https://api.example/list?token=abc", createWording(secrets));
}

test("what fits the schema is given as the schema makes it", async () => {
  const Page = z.object({ at: z.string().transform(Number), more: z.boolean().default(false) });

  await expect(parse('\ufeff{"at":"5","unknown":1}', Page)).resolves.toEqual({ at: 5, more: false });
});

test("what does not fit names the URL without its query, and the path, and not the content", async () => {
  const Page = z.object({ items: z.array(z.object({ user: z.object({ name: z.string() }) })) });

  const error = await parse('{"items":[{"user":{"name":"a"}},{"user":{"name":77001}}]}', Page).catch(
    (reason: unknown) => reason,
  );

  expect(error).toMatchObject({ kind: "unexpected-response" });
  expect(String(error)).toContain(
    "The answer of https://api.example/list?… is not what the connector knows. At items[1].user.name: ",
  );
  expect(String(error)).not.toMatch(/77001|abc/);
});

test("of many faults three are named and the rest counted", async () => {
  await expect(parse("[1,2,3,4,5]", z.array(z.string()))).rejects.toThrowError(
    /At \[0\].*At \[1\].*At \[2\].*; and 2 more\./,
  );
  await expect(parse("[]", z.string())).rejects.toThrowError(/The whole: /);
});

test.each([
  ["", /is empty/],
  ["   ", /breaks at character 3 of 3/],
  ['{"a":1,}', /breaks at character 7 of 8/],
  ['{"a" 1}', /breaks at character 5 of 7/],
  ["[1 2]", /breaks at character 3 of 5/],
  ['{"a":"secret-content', /breaks at character 5 of 20/],
  ["[1,2", /breaks at character 4 of 4/],
  ["[1]]", /breaks at character 3 of 4/],
  ["{'a':1}", /breaks at character 1 of 7/],
  ["nul", /breaks at character 0 of 3/],
  ["[1}", /breaks at character 2 of 3/],
  ['["a\nb"]', /breaks at character 1 of 7/],
  ["01", /breaks at character 1 of 2/],
])("of the broken JSON %j the place is named", async (text, message) => {
  const error = await parse(text, Anything).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ kind: "unexpected-response", message: expect.stringMatching(message) });
  expect(String(error)).not.toContain("secret-content");
});

test("wherever JSON is cut or garbled, the place is the one that the engine finds too, where it says so", async () => {
  const garbled = fc.tuple(
    fc.json(),
    fc.nat(),
    fc.constantFrom("", "}", "]", ",", ":", '"', "x", "\u0001"),
    fc.boolean(),
  );
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(garbled, async ([text, at, put, goesOn]) => {
      const cut = at % (text.length + 1);
      const broken = text.slice(0, cut) + put + (goesOn ? text.slice(cut) : "");
      const engineSays = complaintAbout(broken);
      if (engineSays === undefined || broken === "") return;
      const error = await parse(broken, Anything).catch((reason: unknown) => reason);
      const place = Number(/breaks at character (\d+) of/.exec(String(error))?.[1]);
      expect(place).toBeLessThanOrEqual(broken.length);
      const [, position] = /^(?:Expected|Unexpected non-whitespace).* at position (\d+)/.exec(engineSays) ?? [];
      if (position === undefined) return;
      compared += 1;
      expect(place).toBe(Number(position));
    }),
    { numRuns: 3000, seed: 7 },
  );
  expect(compared).toBeGreaterThan(300);
});

function complaintAbout(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

test("a web page in place of JSON is called that", async () => {
  await expect(parse("<!DOCTYPE html><p>Sign in", Anything)).rejects.toMatchObject({
    message: expect.stringContaining("is HTML, where JSON was expected"),
    remedy: expect.stringContaining("sign-in page"),
  });
});

test("bytes that are not UTF-8 are refused", async () => {
  await expect(parse(Buffer.from([0x22, 0xff, 0x22]), Anything)).rejects.toThrowError(/not UTF-8/);
});

test("JSON that is nested without end is refused before it is parsed", async () => {
  await expect(parse("[".repeat(5_000_000), Anything)).rejects.toThrowError(/nested deeper than 200 levels/);
  await expect(parse(`${"[".repeat(200)}${"]".repeat(200)}`, Anything)).resolves.toBeDefined();
  await expect(parse(`"${"[".repeat(300)}\\"${"{".repeat(300)}"`, Anything)).resolves.toBeTypeOf("string");
});

test("a schema that throws is an unexpected answer too", async () => {
  const Throwing = z.string().transform(() => {
    throw new RangeError("the content");
  });

  await expect(parse('"x"', Throwing)).rejects.toThrowError("makes its schema fail (RangeError)");
});

test("a schema's message does not carry a secret out", async () => {
  const Echo = z.string().refine(() => false, { error: (issue) => `bad ${String(issue.input)}` });

  await expect(parse('"tok-123456"', Echo, "application/json", ["tok-123456"])).rejects.toThrowError("bad [secret]");
});
