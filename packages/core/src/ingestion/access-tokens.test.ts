import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Secret } from "../secret.ts";
import { AccessTokens } from "./access-tokens.ts";

let server: Server | undefined;

afterEach(() => new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined))));

test("those who ask at once share one request, and a token that was refused is fetched anew", async () => {
  const asked: string[] = [];
  const tokens = await open((body) => {
    asked.push(body);
    return { status: 200, body: { access_token: `token ${asked.length}`, expires_in: "3600" } };
  });
  expect(await Promise.all([tokens.get(), tokens.get()])).toEqual(["token 1", "token 1"]);
  expect(asked).toEqual(["grant_type=client_credentials&client_id=app&client_secret=hush&scope=all"]);
  tokens.forget("another");
  expect(await tokens.get()).toBe("token 1");
  tokens.forget("token 1");
  expect(await tokens.get()).toBe("token 2");
});

test("a token that is about to end is not used any more", async () => {
  let count = 0;
  const tokens = await open(() => ({ status: 200, body: { access_token: `token ${(count += 1)}`, expires_in: 60 } }));
  expect([await tokens.get(), await tokens.get()]).toEqual(["token 1", "token 2"]);
});

test("a refusal says which settings to correct, and never the secret", async () => {
  const tokens = await open(() => ({ status: 401, body: { error: "invalid", error_description: "hush is wrong" } }));
  const error = await tokens.get().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: "authentication", remedy: expect.stringContaining("clientSecret") as string });
  expect(String(error)).toContain("[secret] is wrong");
  expect(String(error)).not.toContain("hush");
});

test.each([429, 503])("an answer of %i passes", async (status) => {
  const tokens = await open(() => ({ status, body: "later" }));
  await expect(tokens.get()).rejects.toMatchObject({ kind: "unavailable" });
});

test("an answer of success without a token is none", async () => {
  const tokens = await open(() => ({ status: 200, body: [] }));
  await expect(tokens.get()).rejects.toMatchObject({ kind: "authentication" });
});

async function open(answer: (body: string) => { status: number; body: unknown }): Promise<AccessTokens> {
  const listening = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const said = answer(body);
      response.writeHead(said.status).end(JSON.stringify(said.body));
    });
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const tokenUrl = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/token`;
  return new AccessTokens({ tokenUrl, clientId: "app", clientSecret: new Secret("hush"), scope: "all" });
}
