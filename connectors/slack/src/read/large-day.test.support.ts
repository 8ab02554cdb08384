import { offline, silent } from "../offline.test.support.ts";
import { partitions, read } from "../read.ts";
import { Settings } from "../schema.ts";

// Reads an export in a process of its own and prints how many events it has and the most memory it took.
const settings = Settings.parse({ export: process.argv[2] });
const state = { get: () => Promise.resolve(undefined), put: () => Promise.resolve() };
const shared = {
  settings,
  http: offline,
  log: silent,
  signal: new AbortController().signal,
  startedAt: new Date(),
  state,
};
let events = 0;
for (const partition of await partitions(shared)) {
  const blobs = { put: () => Promise.reject(new Error("There is no file here.")) };
  for await (const page of read({
    ...shared,
    partition,
    checkpoint: undefined,
    followUps: [],
    blobs,
    async *captured() {},
  }))
    events += page.events.length;
}
console.log(JSON.stringify({ events, peakBytes: process.resourceUsage().maxRSS * 1024 }));
