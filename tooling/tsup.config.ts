import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";

/** Every package is built alike: one JavaScript file for each entry that its `exports` names. Types come from `tsc`. */
export default defineConfig(() => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  const exported = Object.values<Record<string, string>>(manifest.exports ?? {}).map(
    (target) => target["@hansard/source"],
  );
  return {
    entry: [...exported, ...(manifest.hansard?.entries ?? [])].filter((path) => path?.endsWith(".ts")),
    format: "esm",
    target: "node24",
    dts: false,
    sourcemap: true,
    clean: false,
    splitting: true,
    removeNodeProtocol: false,
  };
});
