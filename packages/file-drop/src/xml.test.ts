import { describe, expect, test } from "vitest";
import { FileProblem } from "./file-problem.ts";
import { DEFAULT_XML_BOUNDS, readXml, type XmlBounds } from "./xml.ts";

const DOCUMENT = `<?xml version="1.0" encoding="UTF-8"?>\n<Dump a="1 &amp; 2">\n<One>é 👋 &lt;</One><Two/><![CDATA[ raw <b> ]]></Dump>`;

async function read(
  bytes: Buffer,
  { bounds = DEFAULT_XML_BOUNDS, pieceBytes = 65_536 }: { bounds?: XmlBounds; pieceBytes?: number } = {},
) {
  const told: string[] = [];
  async function* pieces() {
    for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
  }
  await readXml(
    pieces(),
    {
      open: (name, attributes) => void told.push(`<${name} ${JSON.stringify(attributes)}>`),
      text: (text) => void told.push(text),
      close: (name) => void told.push(`</${name}>`),
    },
    bounds,
  );
  return told.join("");
}

async function problemOf(bytes: Buffer, options?: Parameters<typeof read>[1]): Promise<FileProblem> {
  const error: unknown = await read(bytes, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof FileProblem)) throw new Error(`It was not refused: ${String(error)}`);
  return error;
}

test("a document reads the same however it is cut into pieces", async () => {
  const bytes = Buffer.from(DOCUMENT.padEnd(600, "\n"));
  const whole = await read(bytes);
  expect(whole.trim()).toBe(`<Dump {"a":"1 & 2"}>\n<One {}>é 👋 <</One><Two {}></Two> raw <b> </Dump>`);
  for (let pieceBytes = 1; pieceBytes < 40; pieceBytes++) expect(await read(bytes, { pieceBytes })).toBe(whole);
});

test("a document that is cut off at any byte is refused", async () => {
  const bytes = Buffer.from(DOCUMENT);
  for (let length = 0; length < bytes.length; length++) {
    const problem = await problemOf(bytes.subarray(0, length));
    expect(problem.position.byte, `length ${length}`).toBeLessThanOrEqual(length);
  }
});

test("the byte and the line of the fault are named", async () => {
  const before = `<Dump>\n<One>é</One>\n<Two>`;
  const problem = await problemOf(Buffer.from(`${before}</Wrong>\n</Dump>`));
  const byte = problem.position.byte ?? 0;
  expect(byte).toBeGreaterThanOrEqual(Buffer.byteLength(before));
  expect(byte).toBeLessThanOrEqual(Buffer.byteLength(`${before}</Wrong>`));
  expect(problem.position.line).toBe(3);
});

test("the byte and the line are the same however the document is cut into pieces", async () => {
  const bytes = Buffer.from(`<Dump>${"<One>é 👋\r\n</One>".repeat(40)}<Two></Wrong></Dump>`);
  const { position } = await problemOf(bytes);
  expect(bytes.subarray(0, position.byte).toString("utf8").endsWith("</Wrong>")).toBe(true);
  for (let pieceBytes = 1; pieceBytes < 300; pieceBytes += 7)
    expect((await problemOf(bytes, { pieceBytes })).position, `pieces of ${pieceBytes}`).toEqual(position);
});

describe("what is never believed", () => {
  const cases: [string, string, RegExp][] = [
    ["a DOCTYPE", `<!DOCTYPE d [<!ENTITY x "y">]><d>&x;</d>`, /DOCTYPE/],
    ["an external entity", `<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>`, /DOCTYPE/],
    ["an unknown entity", `<d>&nbsp;</d>`, /not well-formed/],
    ["two roots", `<d/><d/>`, /not well-formed/],
    ["text after the root", `<d/>tail`, /not well-formed/],
    ["a repeated attribute", `<d a="1" a="2"/>`, /not well-formed/],
    ["a forbidden control character", `<d>\u0001</d>`, /not well-formed/],
    ["a control character by reference, in XML 1.1 too", `<?xml version="1.1"?><d>&#x1F;</d>`, /not well-formed/],
    ["an unsupported encoding", `<?xml version="1.0" encoding="EBCDIC"?><d/>`, /encoding ebcdic/],
    ["nothing at all", "", /not well-formed|root/],
  ];
  test.each(cases)("%s", async (_, text, reason) => {
    expect((await problemOf(Buffer.from(text))).message).toMatch(reason);
  });

  test("bytes that are not of the encoding", async () => {
    const bytes = Buffer.concat([Buffer.from("<d>"), Buffer.from([0xc3, 0x28]), Buffer.from("</d>")]);
    for (const pieceBytes of [1, 4, 100])
      expect((await problemOf(bytes, { pieceBytes })).message).toContain("not valid utf-8");
  });

  test("elements that are nested too deep", async () => {
    const bytes = Buffer.from("<d>".repeat(1_000_000));
    expect((await problemOf(bytes)).message).toContain("nested more than 64 deep");
  });

  test.each([
    ["text", "x"],
    ["an attribute", `<a b="`],
    ["a comment", "<!-- "],
    ["a name", "<"],
  ])("%s without end, before it fills the memory", async (_, beginning) => {
    const bytes = Buffer.from(`<d>${beginning}${"x".repeat(3_000_000)}`);
    const problem = await problemOf(bytes, { bounds: { maxDepth: 64, maxPiece: 1_000_000 } });
    expect(problem.message).toContain("longer than 1000000 characters");
    expect(problem.position.byte).toBeLessThan(1_300_000);
  });
});

test("other declared encodings are read as such", async () => {
  const latin = Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?><d>é</d>`, "latin1");
  const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`<d>é</d>`, "utf16le")]);
  const marked = Buffer.from(`\ufeff<d>é</d>`);
  for (const bytes of [latin, wide, marked]) expect(await read(bytes)).toBe("<d {}>é</d>");
});
