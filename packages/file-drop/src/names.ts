import { basename } from "node:path/posix";

/** One wrapping of a file, as its name tells it. */
export type Layer = "pgp" | "gzip";

export interface UnwrappedName {
  /** The file's base name without its wrappings: `f1.msg.200313.xml` for `Archive/f1.msg.200313.xml.gz.gpg`. */
  name: string;
  /** From the outside in. */
  layers: Layer[];
  /** What the innermost content is. */
  format: "file" | "tar" | "zip";
}

const PGP = /\.(gpg|pgp|asc)$/i;
const UNFINISHED = /(_inprogress|\.part|\.filepart|\.tmp|\.crdownload)$/i;

/** Reads off a path how the file is wrapped. */
export function unwrapName(path: string): UnwrappedName {
  let name = basename(path);
  const layers: Layer[] = [];
  for (;;) {
    if (PGP.test(name)) layers.push("pgp");
    else if (/\.(gz|tgz)$/i.test(name)) layers.push("gzip");
    else break;
    name = name.replace(/\.tgz$/i, ".tar.gz").replace(/\.[^.]+$/, "");
  }
  const format = /\.tar$/i.test(name) ? "tar" : /\.zip$/i.test(name) ? "zip" : "file";
  return { name, layers, format };
}

/** Whether the name says that its writer has not finished. */
export function isUnfinishedName(path: string): boolean {
  return UNFINISHED.test(path);
}

/** The paths at which a detached signature of `path` may lie. */
export function signaturePaths(path: string): string[] {
  const paths = [`${path}.sig`];
  if (PGP.test(path)) paths.push(path.replace(PGP, ".sig"));
  return paths;
}

/** The path that a detached signature or a completion marker belongs to, or undefined where `path` is neither. */
export function companionOf(path: string): string | undefined {
  const match = /^(.+)\.(sig|done)$/i.exec(path);
  return match?.[1];
}
