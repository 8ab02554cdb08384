import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../workspace.ts";

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** A folder outside the repository in which the command line runs from source, as an operator would run it. */
export class TestInstallation {
  readonly folder: string = mkdtempSync(join(tmpdir(), "hansard-e2e-"));

  /** @param plugins Package name → folder within the repository. */
  constructor(
    configuration: string,
    plugins: Record<string, string> = { "connector-slack": "connectors/slack", archive: "packages/archive" },
  ) {
    mkdirSync(join(this.folder, "node_modules", "@hansard"), { recursive: true });
    for (const [name, folder] of Object.entries(plugins))
      symlinkSync(join(ROOT, folder), join(this.folder, "node_modules", "@hansard", name));
    this.write("hansard.yaml", configuration);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Runs a command and gives its exit code and what it printed. */
  hansard(...words: string[]): Promise<Answer> {
    const command = ["--conditions=@hansard/source", join(ROOT, "apps", "runner", "src", "bin.ts"), ...words];
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        command,
        { cwd: this.folder, maxBuffer: 256 * 1024 * 1024 },
        (error, stdout, stderr) => {
          resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
        },
      );
    });
  }

  /** Runs a command with --json and gives what it said. */
  async json<Result>(...words: string[]): Promise<Result> {
    const { stdout, stderr } = await this.hansard(...words, "--json");
    try {
      return JSON.parse(stdout) as Result;
    } catch {
      throw new Error(`hansard ${words.join(" ")} printed no JSON: ${stdout.slice(0, 500)} ${stderr}`);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
