import { writeSync } from "node:fs";
import { openIngestionServer } from "./server.ts";

// A server in a process of its own, so that it can be killed: `node server.test.child.ts '{"folder": …}'`. It says its
// address and what becomes of tokens as it happens, since one that was killed says nothing any more.
const server = await openIngestionServer(JSON.parse(process.argv[2] ?? "{}"));
const { tokens } = server;
const [issue, expire] = [tokens.issue.bind(tokens), tokens.expire.bind(tokens)];
tokens.issue = (...given) => {
  writeSync(1, "issued\n");
  return issue(...given);
};
tokens.expire = (token) => {
  const hasExpired = expire(token);
  if (hasExpired) writeSync(1, "expired\n");
  return hasExpired;
};
writeSync(1, `${server.url}\n`);
