import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SSHD = "/usr/sbin/sshd";
const SFTP_SERVER = ["/usr/lib/openssh/sftp-server", "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"].find(
  (path) => existsSync(path),
);

/** Whether OpenSSH's server is installed (Debian: `openssh-server` with `openssh-sftp-server`). */
export const hasSshd = existsSync(SSHD) && SFTP_SERVER !== undefined;

export interface SftpServer {
  host: string;
  port: number;
  user: string;
  /** As OpenSSH prints it. */
  hostKey: string;
  /** Private keys: the one that is let in, and one that is not. */
  userKey: string;
  strangerKey: string;
  /** The folder that is served. */
  folder: string;
  /** What is served lies under this path. */
  path: string;
  close(): Promise<void>;
}

/** Runs a real OpenSSH server on a loopback port, with keys and files in a temporary folder. */
export async function startSftpServer(): Promise<SftpServer> {
  const home = await mkdtemp(join(tmpdir(), "sshd-"));
  const folder = join(home, "drop");
  await mkdir(folder);
  for (const name of ["host", "user", "stranger"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(home, name)]);
  const port = await freePort();
  await writeFile(join(home, "authorized"), await readFile(join(home, "user.pub")), { mode: 0o600 });
  const config = {
    Port: port,
    ListenAddress: "127.0.0.1",
    HostKey: join(home, "host"),
    PidFile: "none",
    AuthorizedKeysFile: join(home, "authorized"),
    StrictModes: "no",
    UsePAM: "no",
    PasswordAuthentication: "no",
    PermitRootLogin: "prohibit-password",
    Subsystem: `sftp ${SFTP_SERVER}`,
  };
  const lines = Object.entries(config).map(([name, value]) => `${name} ${value}`);
  await writeFile(join(home, "config"), `${lines.join("\n")}\n`);
  if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const server = spawn(SSHD, ["-D", "-e", "-f", join(home, "config")], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  server.stderr.on("data", (chunk: Buffer) => void (said += chunk.toString("utf8")));
  await listening(port, server, () => said);
  const print = execFileSync("ssh-keygen", ["-l", "-f", join(home, "host.pub")], { encoding: "utf8" });
  return {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    hostKey: print.split(" ")[1] ?? "",
    userKey: await readFile(join(home, "user"), "utf8"),
    strangerKey: await readFile(join(home, "stranger"), "utf8"),
    folder,
    path: folder,
    async close() {
      server.kill();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => void probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => void probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}

async function listening(port: number, server: ChildProcess, said: () => string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (server.exitCode !== null) break;
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error(`sshd did not start: ${said()}`);
}
