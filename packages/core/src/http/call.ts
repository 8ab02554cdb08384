import { SettingsError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { Call } from "./exchange.ts";
import type { HttpRequest } from "./http-client.ts";
import { createWording, secretsOf, type Wording } from "./http-failure.ts";

const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

export interface CallOptions {
  userAgent: string;
  secrets?: Secret[];
  accept?: string;
  acceptEncoding: string;
}

/** Turns what a connector asks for into what goes out. */
export function toCall(
  url: string,
  request: HttpRequest,
  { userAgent, secrets = [], accept, acceptEncoding }: CallOptions,
): Call {
  const { type, body } = encodeBody(request.body);
  const headers: Record<string, string | Secret> = {
    "user-agent": userAgent,
    "accept-encoding": acceptEncoding,
    ...(accept !== undefined && { accept }),
    ...(type !== undefined && { "content-type": type }),
    ...lowerCased(request.headers),
  };
  const wording = createWording([...secretsOf(headers), ...secrets.map((secret) => secret.reveal())]);
  checkHeaders(headers, wording);
  return { url: withQuery(url, request.query), method: request.method ?? "GET", headers, body, wording };
}

function encodeBody(body: HttpRequest["body"]): { type?: string; body: string | Uint8Array | undefined } {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return { body };
  if (body instanceof URLSearchParams) return { type: "application/x-www-form-urlencoded", body: body.toString() };
  return { type: "application/json", body: JSON.stringify(body) };
}

function lowerCased(headers: HttpRequest["headers"] = {}): Record<string, string | Secret> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function checkHeaders(headers: Record<string, string | Secret>, wording: Wording): void {
  for (const [name, value] of Object.entries(headers)) {
    if (HEADER_VALUE.test(typeof value === "string" ? value : value.reveal())) continue;
    throw new SettingsError(
      `The header "${wording.clean(name)}" has a value that HTTP cannot carry, such as a line break.`,
      {
        remedy:
          "If it is a credential, copy it again without line breaks and without characters outside of Latin script.",
      },
    );
  }
}

/** Appended as text: what the URL holds already, such as a signature, must arrive as it is. */
function withQuery(url: string, query: HttpRequest["query"] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] satisfies [string, string]],
  );
  if (given.length === 0) return url;
  const [start = "", fragment] = url.split("#", 2);
  const separator = start.includes("?") ? "&" : "?";
  return `${start}${separator}${new URLSearchParams(given)}${fragment === undefined ? "" : `#${fragment}`}`;
}
