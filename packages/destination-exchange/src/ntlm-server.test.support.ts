import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { ntResponse, responseKey, writeTarget } from "./ntlm.ts";

/** The one of Microsoft's example. */
export const SERVER_CHALLENGE = Buffer.from("0123456789abcdef", "hex");

export interface NtlmServer {
  url: string;
  /** What came of each proof, in turn. */
  handshakes: ("good" | "bad")[];
  close(): Promise<void>;
}

/** Signs connections of CONTOSO\\bob in as IIS does, and answers what comes over them; TLS where it has a certificate. */
export async function openNtlmServer(options: {
  password: string;
  answer: (body: string) => string;
  tls?: { key: string; cert: string };
}): Promise<NtlmServer> {
  const { password, answer, tls } = options;
  const key = responseKey({ domain: "CONTOSO", user: "bob", password });
  const handshakes: NtlmServer["handshakes"] = [];
  const signedIn = new WeakSet<Socket>();
  const listener: RequestListener = (request, response) => {
    void bodyOf(request).then((body) => {
      const message = Buffer.from(request.headers.authorization?.replace("NTLM ", "") ?? "", "base64");
      const kind = message.length > 12 ? message.readUInt32LE(8) : 0;
      if (kind === 1)
        return response.writeHead(401, { "www-authenticate": `NTLM ${challenge().toString("base64")}` }).end();
      if (kind === 3) {
        const isGood = isProof(message, key);
        handshakes.push(isGood ? "good" : "bad");
        if (isGood) signedIn.add(request.socket);
      }
      if (!signedIn.has(request.socket))
        return response.writeHead(401, { "www-authenticate": ["Negotiate", "NTLM"] }).end();
      return response.writeHead(200, { "content-type": "text/xml" }).end(answer(body));
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `${tls === undefined ? "http://127.0.0.1" : "https://localhost"}:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/EWS/Exchange.asmx`,
    handshakes,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function challenge(): Buffer {
  const target = writeTarget([[2, Buffer.from("CONTOSO", "utf16le")]]);
  const head = Buffer.alloc(48);
  head.write("NTLMSSP\0", "latin1");
  head.writeUInt32LE(2, 8);
  SERVER_CHALLENGE.copy(head, 24);
  head.writeUInt16LE(target.length, 40);
  head.writeUInt32LE(48, 44);
  return Buffer.concat([head, target]);
}

/** Whether the response is what the key makes of the blob that came with it. */
function isProof(message: Buffer, key: Buffer): boolean {
  const start = message.readUInt32LE(24);
  const response = message.subarray(start, start + message.readUInt16LE(20));
  const blob = response.subarray(16);
  const expected = ntResponse(key, SERVER_CHALLENGE, {
    timestamp: blob.subarray(8, 16),
    clientChallenge: blob.subarray(16, 24),
    target: blob.subarray(28, blob.length - 4),
  });
  return expected.equals(response);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
