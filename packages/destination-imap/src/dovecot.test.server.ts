import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const NOBODY = 65_534;
export const PASSWORD = "alice's \"pass\\word";
export const MASTER_PASSWORD = "master-pässword";

export interface Dovecot {
  folder: string;
  imapPort: number;
  imapsPort: number;
  caFile: string;
  /** A user's Maildir. */
  maildir(user: string): string;
  doveadm(...command: string[]): string;
  stop(): Promise<void>;
}

/** Whether Debian's dovecot-imapd is there. */
export function hasDovecot(): boolean {
  try {
    execFileSync("sh", ["-c", "command -v dovecot && command -v doveadm && command -v openssl"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Starts Dovecot on loopback in a folder of its own: users alice, bob and full, a master user, quota, TLS. */
export async function startDovecot(
  options: { introspectionUrl?: string; certificateDays?: number } = {},
): Promise<Dovecot> {
  const folder = await mkdtemp(join(tmpdir(), "hansard-dovecot-"));
  await chmod(folder, 0o755);
  const [imapPort, imapsPort] = [await freePort(), await freePort()];
  makeCertificate(folder, options.certificateDays ?? 90);
  await writeFile(join(folder, "users"), usersOf(folder).join("\n"));
  await writeFile(join(folder, "masters"), `hansard:{PLAIN}${MASTER_PASSWORD}\n`);
  await writeFile(
    join(folder, "oauth2"),
    `introspection_url = ${options.introspectionUrl ?? "http://127.0.0.1:1/"}\nintrospection_mode = post\nusername_attribute = username\n`,
  );
  const configuration = join(folder, "dovecot.conf");
  await writeFile(configuration, configurationOf(folder, imapPort, imapsPort));
  execFileSync("mkdir", ["-p", join(folder, "homes")]);
  if (isRoot()) execFileSync("chown", [`${NOBODY}:${NOBODY}`, join(folder, "homes")]);
  const server = spawn("dovecot", ["-F", "-c", configuration], { stdio: "ignore" });
  await untilListening(imapPort, join(folder, "log"));
  return {
    folder,
    imapPort,
    imapsPort,
    caFile: join(folder, "certificate.pem"),
    maildir: (user) => join(folder, "homes", user, "Maildir"),
    doveadm: (...command) =>
      execFileSync("doveadm", ["-c", configuration, ...command], { encoding: "utf8", maxBuffer: 2 ** 27 }),
    async stop() {
      const ended = new Promise((resolve) => server.once("close", resolve));
      server.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function usersOf(folder: string): string[] {
  const [uid, gid] = isRoot() ? [NOBODY, NOBODY] : [process.getuid?.(), process.getgid?.()];
  return ["alice", "bob", "full"].map((name) => {
    const user = `${name}@contoso.example`;
    const quota = name === "full" ? "userdb_quota_rule=*:bytes=1000" : "";
    return `${user}:{PLAIN}${PASSWORD.replaceAll(":", "")}:${uid}:${gid}::${join(folder, "homes", user)}::${quota}`;
  });
}

function configurationOf(folder: string, imapPort: number, imapsPort: number): string {
  // Without root, Dovecot's parts run as whoever runs the tests.
  const [user, group] = ["-un", "-gn"].map((which) => execFileSync("id", [which], { encoding: "utf8" }).trim());
  const users = `default_internal_user = ${user}\ndefault_login_user = ${user}\ndefault_internal_group = ${group}`;
  return `
protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
${isRoot() ? "" : users}
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_plugins = quota
auth_mechanisms = plain login xoauth2
auth_master_user_separator = *
auth_failure_delay = 0
disable_plaintext_auth = no
ssl = yes
ssl_cert = <${folder}/certificate.pem
ssl_key = <${folder}/key.pem
passdb {
  driver = passwd-file
  args = ${folder}/masters
  master = yes
  result_success = continue
}
passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = ${folder}/oauth2
}
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
}
protocol imap {
  mail_plugins = quota imap_quota
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = ${imapsPort}
  }
}
service anvil {
  chroot =
}
`;
}

function makeCertificate(folder: string, days: number): void {
  const subject = [
    "-subj",
    "/CN=imap.contoso.example",
    "-addext",
    "subjectAltName=DNS:localhost,DNS:imap.contoso.example",
  ];
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "certificate.pem"), "-days", String(days)];
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
  for (let attempt = 0; attempt < 100; attempt++) {
    const isListening = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
      socket.unref();
      socket.once("connect", () => socket.destroy());
    });
    if (isListening) return;
    await setTimeout(100);
  }
  throw new Error(
    `Dovecot did not start within ten seconds: ${await readFile(log, "utf8").catch(() => "it wrote no log")}`,
  );
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
