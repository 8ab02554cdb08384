import { describe, expect, test } from "vitest";
import { FileProblem } from "./file-problem.ts";
import { readXml, type XmlHandlers } from "./xml.ts";

const NAMES = ["User", "Room"];
const ADA = `<User>\n<Name a="1">Ada &amp; José 👋</Name>\r\n<Mail/></User>`;
const GRACE = `<User><Name>Grace</Name><Firm>王</Firm>\r\n</User>`;
const ROOM = "<Room>CHAT-fs:1</Room>";

interface Told {
  /** Texts that follow each other are one: into which pieces a parser cuts them is its own affair. */
  events: string[];
  repeated: number;
}

async function read(bytes: Buffer, names: string[], pieceBytes: number): Promise<Told> {
  const told: Told = { events: [], repeated: 0 };
  function say(event: string): void {
    const last = told.events.at(-1);
    if (event.startsWith("'") && last?.startsWith("'")) told.events[told.events.length - 1] = last + event.slice(1);
    else told.events.push(event);
  }
  const handlers: XmlHandlers = {
    open: (name, attributes) => say(`<${name} ${JSON.stringify(attributes)}>`),
    text: (text) => text !== "" && say(`'${text}`),
    close: (name) => say(`</${name}>`),
  };
  handlers.repeated = {
    names,
    element({ events }) {
      told.repeated += 1;
      for (const event of events) {
        if (event.kind === "open") handlers.open(event.name, event.attributes);
        else if (event.kind === "text") handlers.text(event.text);
        else handlers.close(event.name);
      }
    },
  };
  async function* pieces() {
    for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
  }
  await readXml(pieces(), handlers);
  return told;
}

/** What became of a document: what was told of it, or where and why it was refused. */
async function outcome(bytes: Buffer, names: string[], pieceBytes: number) {
  return read(bytes, names, pieceBytes).then(
    ({ events }) => ({ events }),
    (error: unknown) => {
      if (!(error instanceof FileProblem)) throw error;
      return { refused: error.message, ...error.position };
    },
  );
}

function documentOf(...parts: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Dump>\n${parts.map((part) => `<Event>${part}x</Event>`).join("\n")}</Dump>\n`;
}

const ORDINARY = documentOf(...Array.from({ length: 12 }, (_, index) => (index % 3 === 0 ? ADA : GRACE) + ROOM));

describe("elements that come again and again", () => {
  test("are parsed twice and then recognized, and told the same", async () => {
    const bytes = Buffer.from(ORDINARY);
    const plain = await read(bytes, [], 65_536);
    const spared = await read(bytes, NAMES, 65_536);
    expect(spared.events).toEqual(plain.events);
    expect(plain.repeated).toBe(0);
    // Twelve people and twelve rooms, of which each of the three kinds is parsed the first time.
    expect(spared.repeated).toBe(21);
  });

  test.each([
    ["in comments", documentOf(ADA, ADA, ADA, `<!-- ${ADA} - > ]]> -->`, ADA, `<!--${ADA}`)],
    ["in CDATA", documentOf(ADA, ADA, ADA, `<![CDATA[ ${ADA} ]] > --> ?> ]]>`, ADA)],
    ["in CDATA that is not ended", documentOf(ADA, ADA, ADA, `<![CDATA[ ${ADA}`, ADA)],
    ["in instructions", documentOf(ADA, ADA, ADA, `<?any ${GRACE} ?${ADA}?>`, ADA)],
    ["in attributes", documentOf(GRACE, GRACE, GRACE, `<a b="${GRACE}"/>`)],
    ["in tags", documentOf(GRACE, GRACE, GRACE, `<a ${GRACE}>`)],
    ["in names", documentOf(GRACE, GRACE, GRACE, `<a${GRACE}/>`)],
    ["in closing tags", documentOf(GRACE, GRACE, GRACE).replace("</Dump>", `</Du${GRACE}mp>`)],
    ["in entities", documentOf(GRACE, GRACE, GRACE, `&am${GRACE}p;`)],
    ["after the root", documentOf(GRACE, GRACE, GRACE) + GRACE],
    ["within themselves", documentOf(...Array.from({ length: 4 }, () => `<User>${GRACE}</User>`))],
    ["with comments that look like their end", documentOf(...Array(4).fill("<User><!-- </User> --></User>"))],
    ["that are not well-formed", documentOf(...Array(4).fill("<User><Name></User>"))],
    ["that hold what is forbidden", documentOf(...Array(4).fill("<User>]]></User>"))],
    ["beside brackets that must not meet", documentOf(GRACE, GRACE, GRACE, `]]${GRACE}>`, `a]]>${GRACE}`)],
    ["between line ends that must not meet", documentOf(GRACE, GRACE, GRACE, `\r${GRACE}\n\r${GRACE}\r\n`)],
    ["in a document with a DOCTYPE", `<!DOCTYPE d [<!ENTITY x "${GRACE}">]>${ORDINARY}`],
    ["where nothing is ended", documentOf(GRACE, GRACE, GRACE).replaceAll("</User>", "")],
  ])("read as they would without being recognized, %s", async (_, text) => {
    const bytes = Buffer.from(text);
    for (const pieceBytes of [1, 2, 7, 64, 300, 65_536])
      expect(await outcome(bytes, NAMES, pieceBytes), `pieces of ${pieceBytes}`).toEqual(
        await outcome(bytes, [], pieceBytes),
      );
  });

  test("never hide a fault: every cut and every changed byte is refused at the same byte and line", async () => {
    const bytes = Buffer.from(ORDINARY);
    for (let at = 0; at < bytes.length; at += 1) {
      const changes = ["<", ">", "]", "!", "&", "\0"].map((by) => replaced(bytes, at, by));
      for (const changed of [bytes.subarray(0, at), ...changes]) {
        const expected = await outcome(changed, [], 4096);
        const found = await outcome(changed, NAMES, 4096);
        // An ampersand that begins no entity is met only at the next semicolon, which may be later for one of the two.
        const isLate = "refused" in expected && expected.refused.includes("entity");
        if (isLate) expect(found, `byte ${at}`).toHaveProperty("refused");
        else expect(found, `byte ${at}`).toEqual(expected);
      }
    }
  });

  test.each([
    ["of more kinds than are remembered", (index: number) => Math.floor(index / 3)],
    ["of which hardly any comes again", (index: number) => index],
  ])("are told the same %s", async (_, kindOf) => {
    const people = Array.from({ length: 15_000 }, (_, index) => `<User>${kindOf(index)}${"é".repeat(900)}</User>`);
    const bytes = Buffer.from(documentOf(...people, ADA, ADA, ADA));
    expect((await read(bytes, NAMES, 8192)).events).toEqual((await read(bytes, [], 8192)).events);
  });

  test("count as deep as they are", async () => {
    const deep = `<User>${"<a>".repeat(40)}${"</a>".repeat(40)}</User>`;
    const bytes = Buffer.from(documentOf(deep, deep, deep, `${"<b>".repeat(30)}${deep}${"</b>".repeat(30)}`));
    expect(await outcome(bytes, NAMES, 65_536)).toMatchObject({ refused: expect.stringContaining("64 deep") });
  });
});

function replaced(bytes: Buffer, at: number, by: string): Buffer {
  const changed = Buffer.from(bytes);
  changed.write(by, at, "latin1");
  return changed;
}
