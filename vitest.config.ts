import { defineConfig } from "vitest/config";

/** Tests stand beside the code and run from source: no build is needed to run one. */
export default defineConfig({
  ssr: { resolve: { conditions: ["@hansard/source"] } },
  resolve: { conditions: ["@hansard/source"] },
  test: {
    include: ["{packages,connectors,apps}/*/**/*.test.ts", "tooling/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    // Most of the time is spent waiting for servers; two at once keep two cores busy without disturbing what is measured.
    maxWorkers: 2,
    execArgv: ["--conditions=@hansard/source"],
  },
});
