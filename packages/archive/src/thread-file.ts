/** What a thread holds is small and short-lived; without a bound the collector lets it grow beyond need. */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 256 };

/** The file of a thread of this package. From source it is TypeScript as this one is; built, both are JavaScript in the same folder. */
export function threadFile(name: "index-worker" | "store-worker"): URL {
  return new URL(`./${name}.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
}
