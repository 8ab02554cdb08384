import { expect, test } from "vitest";
import { whyNotPublic } from "./address-policy.ts";
import { admit, admitParsed, parseHosts } from "./host-policy.ts";

/** Spellings by which someone tries to reach this machine, its network or another host. */
const DECEPTIVE = `
127.0.0.1 127.0.0.2 127.1 127.0.1 127.255.255.255 2130706433 2130706432 0x7f000001 0x7F000001 0x7f.0x0.0x0.0x1 0x7f.1 0x7f.0.1 0X7F.1
017700000001 0177.0.0.1 0177.0.0.01 00177.0.0.1 0177.0x0.0.1 127.0x0.0.1 127.0.0.0x1 127.0.00.1 127.000.000.001 00000177.1 127.0.0.1. 127.1.
0 0.0.0.0 0x0 00 0.0 0.0.0 0.1.2.3 000.000.000.000 0x00000000 4294967295 255.255.255.255 0xffffffff 037777777777
10.0.0.1 10.1 10.255.255.255 0xa.1 012.1 012.0.0.1 167772161 0x0a000001 012.0x0.0.1 10.0.1 10.0.0.01
172.16.0.1 172.31.255.255 172.16.1 0xac.16.0.1 0254.020.0.1 2886729729 0xac100001 172.0x10.0.1 172.1048577
192.168.0.1 192.168.1 192.168.257 192.168.255.255 0xc0.0xa8.0.1 0300.0250.0.1 3232235521 0xc0a80001 0300.168.1 192.11010049
169.254.169.254 169.254.1 169.254.43518 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 2852039166 0xa9fea9fe 0251.254.169.254 169.254.0xa9fe 169.16689662
168.63.129.16 0xa83f8110 2822734096 100.64.0.1 100.100.100.200 100.127.255.255 0x64.0x40.0.1 0144.0100.0.1 1681915905
192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 0xe0000001
[::] [::1] [0:0:0:0:0:0:0:1] [0:0:0:0:0:0:0:0] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] [::0:1] [0:0::1] [::127.0.0.1] [::7f00:1]
[::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:127.0.0.1] [0:0:0:0:0:ffff:127.0.0.1] [0:0:0:0:0:ffff:7f00:0001] [::ffff:10.0.0.1] [::ffff:a00:1] [::ffff:0:0]
[::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [::ffff:192.168.0.1] [::ffff:c0a8:1] [::ffff:8.8.8.8] [::ffff:0:127.0.0.1] [::ffff:0:7f00:1] [::8.8.8.8]
[fe80::1] [fe80::a00:1] [febf::1] [fec0::1] [fc00::1] [fd00::1] [fd00:ec2::254] [fdff:ffff::1] [ff02::1] [ff0e::1] [FE80::1] [FD00::1]
[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b::8.8.8.8] [64:ff9b:1::7f00:1] [64:ff9b:1::a00:1] [0064:ff9b::10.0.0.1]
[2002:7f00:1::] [2002:7f00:0001::1] [2002:a00:1::1] [2002:c0a8:1::1] [2002:a9fe:a9fe::] [2002:808:808::1] [2001::1] [2001:0:7f00:1::] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
[2001:db8::1] [2001:10::1] [2001:20::1] [2001:2::1] [3fff::1] [100::1] [5f00::1] [4000::1] [1::1] [fe80::1%25eth0] [::1%25lo] [::1] [::ffff:127.1]
①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 ⑯⑨.254.169.254 １６９.254.169.254 ⓪x7f.1 0ｘ7f000001 １０.0.0.1 ₁₂₇.₀.₀.₁ ¹²⁷.⁰.⁰.¹ 𝟏𝟐𝟕.𝟎.𝟎.𝟏
127.0.0.1%00 127.0.0.1%2e 127%2e0%2e0%2e1 %31%32%37.0.0.1 0x7f%2e1 %5b::1%5d 127.0.0.1%20 localhost%00 127.0.0.1%09
user@files.example user:secret@files.example files.example@127.0.0.1 files.example:443@127.0.0.1 files.example%40127.0.0.1 files.example@127.1 @127.0.0.1 :@127.0.0.1
files.example\\@127.0.0.1 127.0.0.1\\@files.example \\127.0.0.1 files.example. files.example.. .files.example files..example files.example.:443 ⓕⓘⓛⓔⓢ.example ﬁles.example files。example
files.example:22 files.example:8443 files.example:65536 files.example:443x files.example:-1 files.example:0 evilfiles.example files.example.evil.example sub.files.example
evil.example files.example%2eevil.example files.example%23.evil.example files.example%2f.evil.example xn--ils-3ra.example localhost localhost. LOCALHOST ip6-localhost
`
  .trim()
  .split(/\s+/);

test.each(DECEPTIVE)("https://%s/ is refused, however generous the declared hosts are", (spelling) => {
  const text = `https://${spelling}/latest`;
  // A wildcard cannot be so wide: whatever address the spelling stands for counts as declared, so that the address itself must be refused.
  const declared = parseHosts(["files.example"]);
  const plain = URL.canParse(text) ? new URL(text).hostname : "";
  if (/^[\d.]+$|^\[/.test(plain)) declared.push({ name: plain, below: false, port: undefined });

  expect(admit(text, { declared, allowPrivate: [] })).toHaveProperty("refusal", expect.stringMatching(/./));
  if (declared.length > 1) expect(admitParsed(new URL(text), { declared, allowPrivate: [] })).toHaveProperty("refusal");
});

test("the table holds more than two hundred different spellings", () => {
  expect(new Set(DECEPTIVE).size).toBeGreaterThan(200);
});

test.each([
  "http://files.example/",
  "ftp://files.example/",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "data:text/plain,x",
  "//files.example/",
  "/relative",
  "https:/files.example/",
  "https:files.example/",
  "https:\\\\files.example/",
  " https://files.example/",
  "https://files.example/\r\nHost: evil.example",
  "https://fil\tes.example/",
  "https://files.example\u0000.evil.example/",
  "gopher://files.example/",
  "ws://files.example/",
  "",
])("%j is not a plain https URL and is refused", (text) => {
  expect(admit(text, { declared: parseHosts(["files.example"]), allowPrivate: [] })).toHaveProperty("refusal");
});

test("declared hosts are admitted with path and query as they were written", () => {
  const policy = { declared: parseHosts(["slack.com", "*.Slack.com", "mail.example:8443"]), allowPrivate: [] };

  for (const text of [
    "https://slack.com/api/x?a=%20b",
    "https://FILES.slack.com/a/../b",
    "https://a.b.slack.com",
    "https://mail.example:8443/ews",
  ]) {
    expect(admit(text, policy)).toEqual({ url: new URL(text), allowPrivate: false });
  }
});

test("a wildcard stands for what is below it and not for the name itself or one that ends alike", () => {
  const policy = { declared: parseHosts(["*.slack.com"]), allowPrivate: [] };

  expect(admit("https://slack.com/", policy)).toHaveProperty("refusal", expect.stringContaining("*.slack.com"));
  expect(admit("https://evilslack.com/", policy)).toHaveProperty("refusal");
});

test("a host that the operator names may be private and speak plain HTTP, on the named port only", () => {
  const policy = {
    declared: parseHosts(["127.0.0.1:8080", "127.0.0.1:9090"]),
    allowPrivate: parseHosts(["127.0.0.1:8080"]),
  };

  expect(admit("http://127.0.0.1:8080/x", policy)).toHaveProperty("allowPrivate", true);
  expect(admit("http://127.0.0.1:9090/x", policy)).toHaveProperty("refusal", expect.stringContaining("not https"));
  expect(admit("https://127.0.0.1:9090/x", policy)).toHaveProperty("refusal", expect.stringContaining("loopback"));
});

test.each([
  "http://0x7f.1:8080/",
  "http://2130706433:8080/",
  "http://127.1:8080/",
  "http://①②⑦.0.0.1:8080/",
  "http://127%2e0.0.1:8080/",
])("%s is refused even where the plain spelling is allowed", (text) => {
  const hosts = parseHosts(["127.0.0.1:8080"]);

  expect(admit(text, { declared: hosts, allowPrivate: hosts })).toHaveProperty(
    "refusal",
    expect.stringMatching(/unusual way|not a plain/),
  );
});

test.each([
  "https://slack.com",
  "*",
  "*.com",
  "*.1.2",
  "slack.com/",
  "0x7f.1",
  "müller.example",
  "a b",
  "",
  "*.*.example",
])("%j is not a host and the error shows how to write one", (host) => {
  expect(() => parseHosts([host])).toThrowError(
    expect.objectContaining({ kind: "settings", remedy: expect.stringContaining("*.slack.com") }),
  );
});

test.each([
  "8.8.8.8",
  "1.1.1.1",
  "100.63.255.255",
  "100.128.0.1",
  "172.15.0.1",
  "172.32.0.1",
  "192.167.1.1",
  "223.255.255.255",
  "2606:4700::1111",
  "2a00:1450::1",
])("%s is public", (address) => {
  expect(whyNotPublic(address)).toBeUndefined();
});
