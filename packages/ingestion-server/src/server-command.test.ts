import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serve } from "./server-command.ts";

test("the first start writes a configuration; mailboxes and faults follow the file while the server runs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "serve-"));
  const changes: string[] = [];
  const served = await serve({ folder, port: 0, onChange: (sentence) => changes.push(sentence) });
  try {
    const configuration = JSON.parse(await readFile(served.configurationFile, "utf8"));
    const [{ clientId, secret }] = configuration.applications;
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: secret,
      scope: "https://graph.microsoft.com/.default",
    });
    const answer = await fetch(`${served.url}/${configuration.tenant.id}/oauth2/v2.0/token`, {
      method: "POST",
      body: form,
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const ask = () =>
      fetch(`${served.url}/v1.0/users/carol@contoso.example/messages`, {
        headers: { authorization: `Bearer ${token}` },
      }).then(({ status }) => status);
    expect(await ask()).toBe(404);

    configuration.mailboxes.push({ address: "carol@contoso.example" });
    configuration.faults = { unavailable: { rate: 1 } };
    await writeFile(served.configurationFile, JSON.stringify(configuration));
    await expect.poll(() => changes.length, { timeout: 10_000 }).toBe(1);
    expect(await ask()).toBe(503);
    configuration.faults = { nonsense: { rate: 1 } };
    await writeFile(served.configurationFile, JSON.stringify(configuration));
    await expect.poll(() => changes.length, { timeout: 10_000 }).toBe(2);
    expect(changes[1]).toContain("is not valid at faults");
    configuration.faults = {};
    configuration.accounts = [{ user: "hansard", password: "secret" }];
    await writeFile(served.configurationFile, JSON.stringify(configuration));
    await expect.poll(() => changes.length, { timeout: 10_000 }).toBe(3);
    expect(changes[0]).not.toContain("again");
    expect(changes[2]).toContain("Start the server again");
    await writeFile(served.configurationFile, "{");
    await expect.poll(() => changes.length, { timeout: 10_000 }).toBe(4);
    expect(changes[3]).toContain("server.json is no JSON");
  } finally {
    await served.close();
    await rm(folder, { recursive: true });
  }
});
