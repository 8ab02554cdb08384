import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { retirement } from "./cloud.ts";
import { openExchangeDestination } from "./destination.ts";
import { Settings } from "./settings.ts";
import { at, readXml, xml } from "./xml.ts";

const ONLINE = "https://outlook.office365.com/EWS/Exchange.asmx";
const signIn = { method: "basic", user: "u", password: "p" };

test.each([ONLINE, "https://outlook.office365.us/EWS/Exchange.asmx", "https://partner.outlook.cn/EWS/Exchange.asmx"])(
  "%s is warned of before its end, and refused after it unless that is wanted",
  (url) => {
    expect(retirement(url, new Date("2026-09-30"), false)).toMatchObject({
      level: "warning",
      message: expect.stringContaining("will be blocked"),
    });
    expect(retirement(url, new Date("2026-11-23"), false)).toMatchObject({
      level: "warning",
      message: expect.stringContaining("since 2026-10-01"),
    });
    expect(retirement(url, new Date("2027-04-01T00:00:00Z"), false)).toMatchObject({ level: "error" });
    expect(retirement(url, new Date("2027-04-01T00:00:00Z"), true)).toMatchObject({ level: "warning" });
  },
);

test("an Exchange Server of one's own is not affected", () => {
  expect(retirement("https://mail.contoso.example/EWS/Exchange.asmx", new Date("2030-01-01"), false)).toBeUndefined();
});

test("after the end the destination does not open, and says what to use instead", async () => {
  const folder = await mkdtemp(join(tmpdir(), "exchange-"));
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const blobs = { async *read() {} };
  const opening = openExchangeDestination(
    { id: "e", settings: Settings.parse({ url: ONLINE, signIn }), blobs, folder, log },
    () => new Date("2027-05-01"),
  );
  await expect(opening).rejects.toMatchObject({ kind: "settings", remedy: expect.stringContaining("Microsoft Graph") });
  await rm(folder, { recursive: true });
});

test("credentials go over https only, save to this machine", () => {
  expect(Settings.safeParse({ url: "http://mail.contoso.example/EWS/Exchange.asmx", signIn }).error?.message).toContain(
    "https only",
  );
  expect(Settings.parse({ url: "http://127.0.0.1:1/EWS/Exchange.asmx", signIn }).profile).toBe("exchange");
});

test("what is written is read back alike, and what is no XML is refused", () => {
  const text = ' <a> & "b"\r\n\tü \u{1F600} ';
  const root = readXml(`<?xml version="1.0"?><r:a xmlns:r="u" Id="00123" b="${xml(text)}"><c>${xml(text)}</c></r:a>`);
  expect(root).toMatchObject({ name: "a", attributes: { Id: "00123", b: text } });
  expect(at(root, "c")?.text).toBe(text);
  expect(xml("a\u0000\ud800b")).toBe("a\ufffd\ufffdb");
  for (const wrong of [
    "<a><b></a>",
    "<a><b>1</b><b>2",
    "",
    "text",
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<a b="1" b="2"/>',
  ])
    expect(() => readXml(wrong), wrong).toThrow();
});
