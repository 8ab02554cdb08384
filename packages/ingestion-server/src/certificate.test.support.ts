import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Without the command no certificate can be made: such tests are skipped, and their names say so. */
export const hasOpenssl: boolean = spawnSync("openssl", ["version"]).status === 0;

const DAY_MS = 24 * 60 * 60 * 1000;

export interface Certificate {
  /** PEM. */
  key: string;
  cert: string;
}

/** A certificate that signs itself, good for a server called `name`, between two days counted from today. */
export async function certificateFor(name: string, days: { from: number; until: number }): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), "certificate-"));
  const openssl = (...words: string[]) => execFileSync("openssl", words, { cwd: folder, stdio: "ignore" });
  try {
    await writeFile(join(folder, "ca.conf"), authority(name));
    await writeFile(join(folder, "index.txt"), "");
    openssl(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      "key.pem",
      "-out",
      "request.pem",
    );
    const dates = ["-startdate", dateOf(days.from), "-enddate", dateOf(days.until)];
    const files = ["-in", "request.pem", "-keyfile", "key.pem", "-out", "cert.pem"];
    // Only `openssl ca` makes certificates of other days than from today, in every version.
    openssl("ca", "-batch", "-notext", "-selfsign", "-config", "ca.conf", ...dates, ...files);
    const [key, cert] = await Promise.all(["key.pem", "cert.pem"].map((file) => readFile(join(folder, file), "utf8")));
    return { key: key ?? "", cert: cert ?? "" };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function authority(name: string): string {
  return `[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = names
x509_extensions = server
[names]
commonName = supplied
[server]
subjectAltName = DNS:${name}
`;
}

/** As `openssl ca` reads it: `20260105000000Z`. */
function dateOf(days: number): string {
  const now = new Date(Date.now() + days * DAY_MS);
  return now.toISOString().replace(/[-:T]|\.\d+/g, "");
}
