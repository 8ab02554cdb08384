import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type IngestionServer, openIngestionServer } from "../../packages/ingestion-server/src/index.ts";
import { TestInstallation } from "./installation.ts";

// Sign-in with a managed identity, as the command does it on a machine of Azure's: over HTTP, from an endpoint that speaks as
// App Service's (IDENTITY_ENDPOINT) and as that of virtual machines and AKS (IMDS).

const [ANN, THIRD] = ["ann@contoso.example", "third@contoso.example"];
const [HEADER, USER_ASSIGNED] = ["a-header-of-this-boot", "99999999-2222-3333-4444-555555555555"];
const GRAPH = "https://graph.microsoft.com";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const APPLICATION = {
  clientId: "11111111-2222-3333-4444-555555555555",
  permissions: ["Mail.ReadWrite", "User.Read.All"],
  federation: {
    issuer: "https://identity.example",
    subject: USER_ASSIGNED,
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  },
};
let application: typeof APPLICATION;
let here: TestInstallation;
let server: IngestionServer;
let endpoint: Server;
let asked: URLSearchParams[];

beforeEach(async () => {
  application = structuredClone(APPLICATION);
  here = new TestInstallation("", {
    "connector-slack": "connectors/slack",
    "destination-microsoft365": "packages/destination-microsoft365",
  });
  server = await openIngestionServer({
    folder: join(here.folder, "server"),
    applications: [application],
    mailboxes: [ANN, THIRD].map((address) => ({ address })),
  });
  asked = [];
  endpoint = createServer((request, response) => {
    const { status, body } = answer(request);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  writeExport();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  endpoint.close();
  await server.close();
  here.remove();
});

test("in App Service the system-assigned identity and a user-assigned one sign in and deliver, without any secret", async () => {
  useAppService(HEADER);
  configure({ method: "managed-identity" });
  expect(await signIn()).toMatchObject({ level: "ok", message: expect.stringContaining("Mail.ReadWrite") });
  expect(await here.hansard("run")).toMatchObject({ code: 0 });
  expect(server.store.accepted()).toHaveLength(2);
  expect(asked.map((query) => [query.get("resource"), query.get("client_id")])).toEqual([
    [GRAPH, null],
    [GRAPH, null],
  ]);
  configure({ method: "managed-identity", userAssignedClientId: USER_ASSIGNED });
  expect(await signIn()).toMatchObject({ level: "ok" });
  expect(asked.at(-1)?.get("client_id")).toBe(USER_ASSIGNED);
}, 120_000);

test("by IMDS it signs in too, and its token can stand in for an application's credential", async () => {
  vi.stubEnv("AZURE_POD_IDENTITY_AUTHORITY_HOST", urlOf(endpoint));
  configure({ method: "managed-identity" });
  expect(await signIn()).toMatchObject({ level: "ok" });
  configure({ method: "federated", managedIdentityClientId: USER_ASSIGNED });
  expect(await signIn()).toMatchObject({ level: "ok" });
  expect(asked.at(-1)?.get("resource")).toBe("api://AzureADTokenExchange");
}, 120_000);

test("an identity that the machine does not have, a refused header and an endpoint that is not there are told apart, each with a remedy", async () => {
  useAppService(HEADER);
  configure({ method: "managed-identity", userAssignedClientId: "00000000-0000-0000-0000-000000000000" });
  const unknown = await signIn();
  expect(unknown).toMatchObject({
    level: "error",
    message: expect.stringContaining("00000000-0000-0000-0000-000000000000 (400): No User Assigned"),
    remedy: expect.stringContaining("not the object id"),
  });
  const { code, stdout } = await here.hansard("run");
  expect(code).toBe(1);
  expect(stdout).toContain(unknown?.message);
  expect(stdout).toContain(unknown?.remedy);

  useAppService("another header");
  configure({ method: "managed-identity" });
  expect(await signIn()).toMatchObject({ level: "error", message: expect.stringContaining("(401)") });

  endpoint.close();
  expect(await signIn()).toMatchObject({
    level: "error",
    message: expect.stringMatching(/system-assigned managed identity: .*ECONNREFUSED/),
    remedy: expect.stringContaining("machines of Azure's only"),
  });
  expect(server.store.accepted()).toEqual([]);
}, 120_000);

test("an identity without permissions signs in, and check says which permission it lacks", async () => {
  application.permissions.length = 0;
  useAppService(HEADER);
  configure({ method: "managed-identity" });
  const { findings } = await here.json<{ findings: Finding[] }>("check");
  const errors = findings.filter(({ level }) => level === "error");
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringContaining("The directory cannot be read"),
    expect.stringContaining("no Mail.ReadWrite in its token"),
  ]);
  expect(errors.every(({ remedy }) => remedy !== undefined)).toBe(true);
}, 120_000);

function answer(request: IncomingMessage): { status: number; body: object } {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "http://localhost");
  // The library ends an address that it took from the environment with a slash.
  const isImds = /^\/metadata\/identity\/oauth2\/token\/?$/.test(pathname);
  if (isImds && request.headers["metadata"] !== "true")
    return {
      status: 400,
      body: { error: "invalid_request", error_description: "Required metadata header not specified" },
    };
  if (!isImds && (pathname !== "/msi/token" || query.get("api-version") !== "2019-08-01"))
    return { status: 404, body: { statusCode: 404, message: "Not found." } };
  if (!isImds && request.headers["x-identity-header"] !== HEADER)
    return { status: 401, body: { statusCode: 401, message: "The header is not that of this machine." } };
  const clientId = query.get("client_id");
  if (clientId !== null && clientId !== USER_ASSIGNED) {
    const message =
      "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";
    const body = isImds
      ? { error: "invalid_request", error_description: "Identity not found" }
      : { statusCode: 400, message };
    return { status: 400, body };
  }
  asked.push(query);
  const resource = query.get("resource") ?? "";
  const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
  const access_token = resource === GRAPH ? server.tokens.issue(application, GRAPH) : assertion(resource);
  return { status: 200, body: { access_token, expires_on, resource, token_type: "Bearer" } };
}

function assertion(aud: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const { issuer, subject } = APPLICATION.federation;
  const claims = { iss: issuer, sub: subject, aud, exp: Math.floor(Date.now() / 1000) + 600 };
  const content = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
  return `${content}.${sign("sha256", Buffer.from(content), privateKey).toString("base64url")}`;
}

function useAppService(header: string): void {
  vi.stubEnv("IDENTITY_ENDPOINT", `${urlOf(endpoint)}/msi/token`);
  vi.stubEnv("IDENTITY_HEADER", header);
}

function urlOf(listening: Server): string {
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

/** The finding about the sign-in: the destination's first. */
async function signIn(): Promise<Finding | undefined> {
  const { findings } = await here.json<{ findings: (Finding & { of: string })[] }>("check");
  return findings.find(({ of }) => of === "microsoft365");
}

function configure(signInSettings: object): void {
  const settings = {
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: signInSettings,
    authorityUrl: server.url,
    graphUrl: server.url,
    settleMs: 100,
  };
  const configuration = {
    sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
    destinations: { microsoft365: { thirdPartyMailbox: THIRD, folder: "inbox", settings } },
    people: { domains: ["contoso.example"] },
  };
  here.write("hansard.yaml", JSON.stringify(configuration));
}

function writeExport(): void {
  const folder = join(here.folder, "slack");
  mkdirSync(join(folder, "general"), { recursive: true });
  writeFileSync(join(folder, "users.json"), JSON.stringify([{ id: "U0", name: "ann", profile: { email: ANN } }]));
  writeFileSync(join(folder, "channels.json"), JSON.stringify([{ id: "C1", name: "general", members: ["U0"] }]));
  const messages = ["first", "second"].map((text, index) => ({
    type: "message",
    user: "U0",
    text,
    ts: `${1_767_600_000 + index}.000100`,
  }));
  writeFileSync(join(folder, "general", "2026-01-05.json"), JSON.stringify(messages));
}
