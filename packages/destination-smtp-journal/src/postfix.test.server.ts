import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const NOBODY = 65_534;
const SERVICES = `
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;

export interface Postfix {
  port: number;
  caFile: string;
  /** The messages in a mailbox, as Postfix wrote them, the oldest first; waits until there are so many. */
  mailbox(address: string, count: number): Promise<Buffer[]>;
  stop(): Promise<void>;
}

/** Whether Debian's postfix is there and may be started: its master insists on root. */
export function hasPostfix(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v postfix && command -v openssl"], { stdio: "ignore" });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** Starts Postfix on loopback in a folder of its own, with mailboxes as Maildirs and STARTTLS. */
export async function startPostfix(addresses: string[], settings: string[] = []): Promise<Postfix> {
  const folder = await mkdtemp(join(tmpdir(), "hansard-postfix-"));
  await chmod(folder, 0o755);
  const port = await freePort();
  for (const name of ["etc", "queue", "data", "mail"]) await mkdir(join(folder, name));
  execFileSync("chown", [`${NOBODY}:${NOBODY}`, join(folder, "mail")]);
  execFileSync("chown", ["postfix", join(folder, "data")]);
  makeCertificate(folder);
  await writeFile(join(folder, "etc", "mailboxes"), addresses.map((address) => `${address} ${address}/\n`).join(""));
  await writeFile(join(folder, "etc", "main.cf"), `${[...mainSettings(folder, addresses), ...settings].join("\n")}\n`);
  await writeFile(join(folder, "etc", "master.cf"), `127.0.0.1:${port} inet n - n - - smtpd${SERVICES}`);
  const master = spawn("postfix", ["-c", join(folder, "etc"), "start-fg"], { stdio: "ignore" });
  await untilListening(port, join(folder, "log"));
  return {
    port,
    caFile: join(folder, "certificate.pem"),
    mailbox: (address, count) => messagesIn(join(folder, "mail", address, "new"), count, join(folder, "log")),
    async stop() {
      const ended = new Promise((resolve) => master.once("close", resolve));
      execFileSync("postfix", ["-c", join(folder, "etc"), "stop"], { stdio: "ignore" });
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function mainSettings(folder: string, addresses: string[]): string[] {
  const domains = new Set(addresses.map((address) => address.slice(address.indexOf("@") + 1)));
  return [
    "compatibility_level = 3.6",
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    "command_directory = /usr/sbin",
    "daemon_directory = /usr/lib/postfix/sbin",
    "myhostname = mail.archive.example",
    "mydestination =",
    "mynetworks =",
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    "alias_maps =",
    "maillog_file_prefixes = /tmp",
    `maillog_file = ${folder}/log`,
    `virtual_mailbox_domains = ${[...domains].join(" ")}`,
    `virtual_mailbox_base = ${folder}/mail`,
    `virtual_mailbox_maps = texthash:${folder}/etc/mailboxes`,
    `virtual_uid_maps = static:${NOBODY}`,
    `virtual_gid_maps = static:${NOBODY}`,
    "virtual_mailbox_limit = 0",
    "message_size_limit = 20000000",
    "smtpd_tls_security_level = may",
    `smtpd_tls_cert_file = ${folder}/certificate.pem`,
    `smtpd_tls_key_file = ${folder}/key.pem`,
    "smtpd_relay_restrictions = reject_unauth_destination",
    "smtpd_recipient_restrictions =",
  ];
}

async function messagesIn(folder: string, count: number, log: string): Promise<Buffer[]> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const names = await readdir(folder).catch(() => []);
    if (names.length >= count) return Promise.all(names.toSorted().map((name) => readFile(join(folder, name))));
    await setTimeout(100);
  }
  throw new Error(`Postfix did not deliver ${count} messages: ${await readFile(log, "utf8")}`);
}

function makeCertificate(folder: string): void {
  const subject = [
    "-subj",
    "/CN=mail.archive.example",
    "-addext",
    "subjectAltName=DNS:localhost,DNS:mail.archive.example",
  ];
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "certificate.pem"), "-days", "12"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, ...subject], { stdio: "ignore" });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No port was given.");
  return address.port;
}

async function untilListening(port: number, log: string): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const isListening = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1").once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (isListening) return;
    await setTimeout(100);
  }
  throw new Error(`Postfix did not start: ${await readFile(log, "utf8").catch(() => "it wrote no log")}`);
}
