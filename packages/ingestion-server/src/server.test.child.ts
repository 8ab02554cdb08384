import { openIngestionServer } from "./server.ts";

// A server in a process of its own, so that it can be killed: `node server.test.child.ts '{"folder": …}'`.
const server = await openIngestionServer(JSON.parse(process.argv[2] ?? "{}"));
process.stdout.write(`${server.url}\n`);
