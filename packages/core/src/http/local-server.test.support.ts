import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Logger } from "../connector.ts";
import { createHttpClient, type HttpClientOptions, type OpenHttpClient } from "./create-http-client.ts";

export interface LocalServer {
  /** With the port, as it is declared. */
  host: string;
  url: string;
  /** Method and path of what arrived. */
  seen: string[];
}

/** A real server on a loopback port for the length of a test. */
export async function serve(
  listener: RequestListener,
  options: { key?: string; cert?: string } = {},
): Promise<LocalServer> {
  const seen: string[] = [];
  const record: RequestListener = (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    listener(request, response);
  };
  const server = options.key ? createTlsServer(options, record) : createServer(record);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return { host, url: `${options.key ? "https" : "http"}://${host}`, seen };
}

export interface TestClient extends OpenHttpClient {
  /** Everything that was logged, as text. */
  logged: string[];
}

/** A client for local servers: quick to try again, and closed after the test. */
export function openClient(options: Partial<HttpClientOptions> & { allow?: string[] }): TestClient {
  const logged: string[] = [];
  const client = createHttpClient({
    hosts: options.allow ?? [],
    allowPrivate: options.allow ?? [],
    signal: new AbortController().signal,
    log: collect(logged),
    userAgent: "Hansard/1.0 (test)",
    backoffMs: 1,
    ...options,
  });
  onTestFinished(() => client.close());
  return { ...client, logged };
}

function collect(lines: string[]): Logger {
  const add = (message: string, details?: Record<string, unknown>): void => {
    lines.push(`${message} ${JSON.stringify(details ?? {})}`);
  };
  return { debug: add, info: add, warn: add, error: add };
}

/** A fresh key with a certificate that it signed itself, for the given DNS names. */
export function createCertificate(names: string[]): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(0x30, Buffer.from("06082a8648ce3d040302", "hex"));
  const name = der(
    0x30,
    der(0x31, der(0x30, Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from("Test authority")))),
  );
  const alternatives = der(0x30, ...names.map((each) => der(0x82, Buffer.from(each))));
  const extensions = [
    der(0x30, Buffer.from("0603551d11", "hex"), der(0x04, alternatives)),
    der(
      0x30,
      Buffer.from("0603551d13", "hex"),
      Buffer.from("0101ff", "hex"),
      der(0x04, Buffer.from("30030101ff", "hex")),
    ),
  ];
  const validity = der(0x30, der(0x17, Buffer.from("200101000000Z")), der(0x17, Buffer.from("491231235959Z")));
  const body = der(
    0x30,
    der(0xa0, Buffer.from("020102", "hex")),
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey));
  const cert = der(0x30, body, algorithm, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
