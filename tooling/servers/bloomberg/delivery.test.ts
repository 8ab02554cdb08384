import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connector } from "../../../connectors/bloomberg/src/index.ts";
import type { Json } from "../../../packages/core/src/index.ts";
import { type Capture, capture, emptyCapture, unbalanced } from "./capture.ts";
import { generateDrop } from "./drop.ts";
import { hasGpg, type KeyRing, openKeyRing } from "./gpg.ts";
import { differencesBetween } from "./seeds.ts";
import { hasSshd, type SftpServer, startSftpServer } from "./sftp-server.ts";

const AT_REST = { stableForSeconds: 0, graceHours: 0 };

function mailFile(...ids: string[]): Buffer {
  const user = (name: string) =>
    `<UserInfo><FirstName>${name}</FirstName><LastName>Example</LastName><BloombergEmailAddress>${name}@bloomberg.example</BloombergEmailAddress><CorporateEmailAddress/></UserInfo>`;
  const messages = ids.map(
    (id) =>
      `<Message><MsgID>${id}</MsgID><MsgTimeUTC>1584113722</MsgTimeUTC><Sender>${user("ada")}</Sender><Recipient DeliveryType="BCC">${user("grace")}</Recipient><Subject>S</Subject><MsgBody>body of ${id}</MsgBody></Message>`,
  );
  return Buffer.from(`<?xml version="1.0"?><FileDump><Version>MSGXML 1.6</Version>${messages.join("")}</FileDump>\n`);
}

function ids({ events }: Capture): string[] {
  return [...events.values()].map(({ key }) => key.split(":").at(-1) ?? "").sort();
}

function reasons({ gaps }: Capture): string[] {
  return [...gaps.values()].map(({ reason }) => reason);
}

describe.skipIf(!hasGpg)("files that were made by gpg (skipped where Debian's gnupg is not installed)", () => {
  let ring: KeyRing;
  let folder: string;
  let us: string;
  let bloomberg: string;
  let stranger: string;

  beforeAll(() => {
    ring = openKeyRing();
    [us, bloomberg, stranger] = [ring.makeKey("us"), ring.makeKey("bloomberg"), ring.makeKey("stranger")];
  });
  afterAll(() => ring?.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "bloomberg-"));
    return () => rm(folder, { recursive: true, force: true });
  });

  function settings(pgp: { [name: string]: Json } = {}): Json {
    return {
      drop: { folder },
      completion: AT_REST,
      pgp: { privateKeys: [ring.secretKey(us)], senderKeys: [ring.publicKey(bloomberg)], ...pgp },
    };
  }

  test("a file that is encrypted to us and signed within is read, binary and armored", async () => {
    await writeFile(join(folder, "f1.msg.200313.xml.gpg"), ring.encrypt(mailFile("AA"), { to: us, from: bloomberg }));
    await writeFile(
      join(folder, "f1.msg.200314.xml.asc"),
      ring.encrypt(mailFile("BB"), { to: us, from: bloomberg, armor: true }),
    );

    const captured = await capture(connector, settings(), emptyCapture());

    expect(reasons(captured)).toEqual([]);
    expect(ids(captured)).toEqual(["AA", "BB"]);
  });

  test("a signature beside the file proves it, whether it covers the encrypted or the plain content", async () => {
    const [first, second] = [ring.encrypt(mailFile("AA"), { to: us }), ring.encrypt(mailFile("BB"), { to: us })];
    await writeFile(join(folder, "f1.msg.200313.xml.gpg"), first);
    await writeFile(join(folder, "f1.msg.200313.xml.gpg.sig"), ring.sign(first, bloomberg));
    await writeFile(join(folder, "f1.msg.200314.xml.gpg"), second);
    await writeFile(join(folder, "f1.msg.200314.xml.sig"), ring.sign(mailFile("BB"), bloomberg));

    const captured = await capture(connector, settings(), emptyCapture());

    expect(reasons(captured)).toEqual([]);
    expect(ids(captured)).toEqual(["AA", "BB"]);
  });

  test("a file for another key is refused by name, and read once the key is there", async () => {
    await writeFile(
      join(folder, "f1.msg.200313.xml.gpg"),
      ring.encrypt(mailFile("AA"), { to: stranger, from: bloomberg }),
    );
    const captured = await capture(connector, settings(), emptyCapture());
    expect(captured.events.size).toBe(0);
    expect(reasons(captured)[0]).toMatch(
      /f1\.msg\.200313\.xml\.gpg is refused.*not encrypted to a key of the settings/,
    );

    await capture(connector, settings({ privateKeys: [ring.secretKey(us), ring.secretKey(stranger)] }), captured);

    expect(ids(captured)).toEqual(["AA"]);
    expect(captured.gaps.size).toBe(0);
    expect([...captured.closed]).toEqual(["file:f1.msg.200313.xml.gpg"]);
  });

  test("an unsigned file is refused, unless the settings let it pass", async () => {
    await writeFile(join(folder, "f1.msg.200313.xml.gpg"), ring.encrypt(mailFile("AA"), { to: us }));
    const captured = await capture(connector, settings(), emptyCapture());
    expect(captured.events.size).toBe(0);
    expect(reasons(captured)[0]).toContain("It is not signed");

    await capture(connector, settings({ signatures: "when-present" }), captured);
    expect(ids(captured)).toEqual(["AA"]);
  });

  test("a file that someone else signed is refused, within and beside it", async () => {
    const encrypted = ring.encrypt(mailFile("BB"), { to: us });
    await writeFile(join(folder, "f1.msg.200313.xml.gpg"), ring.encrypt(mailFile("AA"), { to: us, from: stranger }));
    await writeFile(join(folder, "f1.msg.200314.xml.gpg"), encrypted);
    await writeFile(join(folder, "f1.msg.200314.xml.gpg.sig"), ring.sign(encrypted, stranger));

    const captured = await capture(connector, settings({ signatures: "when-present" }), emptyCapture());

    expect(captured.events.size).toBe(0);
    expect(reasons(captured)).toHaveLength(2);
    for (const reason of reasons(captured)) expect(reason).toContain("Its signature is not believed");
  });

  test("one changed byte, wherever it stands, lets nothing of the file through", async () => {
    const sealed = ring.encrypt(mailFile("AA", "BB"), { to: us, from: bloomberg });
    for (let position = 0; position < sealed.length; position += 37) {
      const changed = Buffer.from(sealed);
      changed[position] = (changed[position] ?? 0) ^ 0x01;
      await writeFile(join(folder, "f1.msg.200313.xml.gpg"), changed);

      const captured = await capture(connector, settings(), emptyCapture());

      // A changed packet header may leave the content as it was; then all of it must be there.
      const isWhole = ids(captured).join() === "AA,BB" && captured.gaps.size === 0;
      expect(isWhole || (captured.events.size === 0 && captured.gaps.size === 1), `byte ${position}`).toBe(true);
      if (position > 300) expect(captured.events.size, `byte ${position}`).toBe(0);
    }
  });

  test("a file that is cut off at any point lets nothing through", async () => {
    const sealed = ring.encrypt(mailFile("AA"), { to: us, from: bloomberg });
    for (let length = 0; length < sealed.length; length += 41) {
      await writeFile(join(folder, "f1.msg.200313.xml.gpg"), sealed.subarray(0, length));
      const captured = await capture(connector, settings(), emptyCapture());
      expect(captured.events.size, `length ${length}`).toBe(0);
      expect(captured.gaps.size, `length ${length}`).toBe(1);
    }
  });
});

describe.skipIf(!hasSshd)(
  "a drop on a real OpenSSH server (skipped where Debian's openssh-server is not installed)",
  () => {
    let server: SftpServer;

    beforeAll(async () => {
      server = await startSftpServer();
    });
    afterAll(() => server?.close());

    function settings(sftp: { [name: string]: Json } = {}, completion: Json = AT_REST): Json {
      const { host, port, user, hostKey, userKey, path } = server;
      return {
        drop: { sftp: { host, port, user, hostKeys: [hostKey], privateKey: userKey, folder: path, ...sftp } },
        completion,
      };
    }

    test("files are fetched whole, and none is fetched twice", async () => {
      await writeFile(
        join(server.folder, "f1.msg.200313.xml"),
        mailFile(...Array.from({ length: 2000 }, (_, index) => `ID${index}`)),
      );
      const captured = await capture(connector, settings(), emptyCapture());
      expect(captured.events.size).toBe(2000);
      expect(unbalanced(captured)).toEqual([]);
      const { pages } = captured;
      await capture(connector, settings(), captured);
      expect(captured.pages).toBe(pages + 1);
    });

    test("another host key than the pinned one is refused before anything is sent", async () => {
      const hostKeys = [`SHA256:${"A".repeat(43)}`];
      await expect(capture(connector, settings({ hostKeys }), emptyCapture())).rejects.toMatchObject({
        kind: "authentication",
        message: expect.stringContaining(server.hostKey),
      });
    });

    test("a user key that the server does not know is a question of credentials, not of patience", async () => {
      const privateKey = server.strangerKey;
      await expect(capture(connector, settings({ privateKey }), emptyCapture())).rejects.toMatchObject({
        kind: "authentication",
      });
    });

    test("a server that is not there is unavailable", async () => {
      await expect(capture(connector, settings({ port: 1 }), emptyCapture())).rejects.toMatchObject({
        kind: "unavailable",
      });
    });

    test("a file that is still growing is left alone until it is at rest", async () => {
      const path = join(server.folder, "f1.msg.200314.xml");
      const whole = mailFile("GROWN");
      const completion = { stableForSeconds: 1, graceHours: 0 };
      let length = 100;
      await writeFile(path, whole.subarray(0, length));
      const growing = setInterval(() => void writeFile(path, whole.subarray(0, ++length)), 100);
      const captured = await capture(connector, settings({}, completion), emptyCapture());
      clearInterval(growing);
      await writeFile(path, whole);
      expect(ids(captured)).not.toContain("GROWN");
      expect(captured.gaps.size).toBe(0);

      await capture(connector, settings({}, completion), captured, { startedAt: new Date(Date.now() + 5000) });
      expect(ids(captured)).toContain("GROWN");
    });
  },
);

describe.skipIf(!hasSshd || !hasGpg)(
  "whole drops that were sealed by gpg, on a real OpenSSH server (skipped where either is not installed)",
  () => {
    let server: SftpServer;
    let ring: KeyRing;
    let us: string;
    let bloomberg: string;

    beforeAll(async () => {
      server = await startSftpServer();
      ring = openKeyRing();
      [us, bloomberg] = [ring.makeKey("us"), ring.makeKey("bloomberg")];
    });
    afterAll(async () => {
      ring?.close();
      await server?.close();
    });

    function settings(folder: string): Json {
      const { host, port, user, hostKey, userKey } = server;
      return {
        drop: { sftp: { host, port, user, hostKeys: [hostKey], privateKey: userKey, folder } },
        completion: AT_REST,
        pgp: { privateKeys: [ring.secretKey(us)], senderKeys: [ring.publicKey(bloomberg)] },
      };
    }

    /** As Bloomberg does: every file encrypted, signed within or beside it, and named with its signature by a manifest. */
    async function seal(folder: string): Promise<void> {
      const paths = (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      const listed: string[] = [];
      for (const [index, path] of paths.entries()) {
        const content = await readFile(path);
        await rm(path);
        if (basename(path).startsWith("daily_manifest")) continue;
        const isBeside = index % 2 === 0;
        const sealed = ring.encrypt(content, isBeside ? { to: us } : { to: us, from: bloomberg });
        await writeFile(`${path}.gpg`, sealed);
        if (isBeside) await writeFile(`${path}.gpg.sig`, ring.sign(sealed, bloomberg));
        listed.push(`${basename(path)}.gpg`, `${basename(path)}.gpg.sig`);
      }
      await writeFile(join(folder, "daily_manifest_current.txt"), `${listed.join("\n")}\n`);
    }

    test.each([1, 2, 3])(
      "drop %i gives what was written, event for event, and its manifest may be renamed",
      async (seed) => {
        const folder = join(server.folder, `seed-${seed}`);
        await mkdir(folder);
        const truth = await generateDrop(seed, folder);
        await seal(folder);

        const captured = await capture(connector, settings(folder), emptyCapture());

        expect(differencesBetween(truth, captured)).toEqual([]);
        const { size } = captured.events;
        await rename(join(folder, "daily_manifest_current.txt"), join(folder, "daily_manifest_200316.txt"));
        await capture(connector, settings(folder), captured);
        expect(captured.events.size).toBe(size);
        expect(differencesBetween(truth, captured)).toEqual([]);
      },
    );

    test("a changed byte, another key and no signature each keep one file out, and nothing of the others", async () => {
      const folder = join(server.folder, "faults");
      await mkdir(folder);
      const stranger = ring.makeKey("stranger");
      const names = ["whole", "changed", "foreign", "unsigned"];
      for (const [index, name] of names.entries()) {
        const to = name === "foreign" ? stranger : us;
        const sealed = ring.encrypt(mailFile(name), name === "unsigned" ? { to } : { to, from: bloomberg });
        const at = sealed.length - 40;
        if (name === "changed") sealed[at] = (sealed[at] ?? 0) ^ 0x01;
        await writeFile(join(folder, `f1.msg.20031${index + 3}.xml.gpg`), sealed);
      }

      const captured = await capture(connector, settings(folder), emptyCapture());

      expect(ids(captured)).toEqual(["whole"]);
      expect([...captured.gaps.keys()].sort()).toEqual([4, 5, 6].map((day) => `file:f1.msg.20031${day}.xml.gpg`));
    });
  },
);
