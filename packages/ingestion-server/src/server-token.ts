import {
  constants,
  createHash,
  createHmac,
  randomBytes,
  randomUUID,
  timingSafeEqual,
  verify,
  X509Certificate,
} from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Answer } from "./server-http.ts";

/** An application as it is registered in the tenant. */
export interface Application {
  clientId: string;
  /** Its client secret, where it has one. */
  secret?: string;
  /** Its certificate as PEM, where it signs in by one. */
  certificate?: string;
  /** Whose assertions are taken in place of a credential: the issuer's public key as PEM, and the subject. */
  federation?: { issuer: string; subject: string; publicKey: string };
  /** What the administrator consented to, such as `Mail.ReadWrite` and `User.Read.All`. */
  permissions: string[];
  /** The mailboxes that role-based access control lets it touch. Absent: all. */
  mailboxes?: string[];
}

export interface Tenant {
  id: string;
  /** Its verified domain, under which it is found as well. */
  domain: string;
}

/** What a valid token says. */
export interface Caller {
  application: Application;
  token: string;
}

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const Assertion = z.object({
  aud: z.string(),
  iss: z.string(),
  sub: z.string(),
  exp: z.number(),
  nbf: z.number().optional(),
  jti: z.string().optional(),
});
const AssertionHeader = z.object({ alg: z.string(), "x5t#S256": z.string().optional(), kid: z.string().optional() });
const Claims = z.object({ aud: z.string(), appid: z.string(), tid: z.string(), exp: z.number(), jti: z.string() });

/** Issues access tokens as Entra ID does, and recognises them again, also after a restart. */
export class Tokens {
  /** How many were issued. */
  issued = 0;
  /** How many were made invalid before their time. */
  expirations = 0;
  readonly #tenant: Tenant;
  readonly #applications: Application[];
  readonly #key: Buffer;
  readonly #lifetimeMs: number;
  readonly #expired = new Set<string>();
  readonly #assertions = new Set<string>();

  constructor(folder: string, tenant: Tenant, applications: Application[], lifetimeMs: number) {
    this.#tenant = tenant;
    this.#applications = applications;
    this.#lifetimeMs = lifetimeMs;
    const file = join(folder, "token-key");
    if (!existsSync(file)) writeFileSync(file, randomBytes(32), { mode: 0o600 });
    this.#key = readFileSync(file);
  }

  /** `POST /{tenant}/oauth2/v2.0/token`. */
  answer(tenant: string, form: URLSearchParams, host: string): Answer {
    const { id, domain } = this.#tenant;
    if (tenant !== id && tenant !== domain) {
      return refusal(
        400,
        "invalid_request",
        90002,
        `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
      );
    }
    const clientId = form.get("client_id") ?? "";
    const application = this.#applications.find((known) => known.clientId === clientId);
    if (application === undefined) {
      return refusal(
        400,
        "unauthorized_client",
        700016,
        `Application with identifier '${clientId}' was not found in the directory '${domain}'.`,
      );
    }
    if (form.get("grant_type") !== "client_credentials")
      return refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
    const scope = form
      .get("scope")
      ?.split(" ")
      .find((part) => part.endsWith("/.default"));
    if (scope === undefined)
      return refusal(
        400,
        "invalid_scope",
        70011,
        "The provided request must include a 'scope' input parameter that ends with '/.default'.",
      );
    const refused = this.#refuses(application, form, `${host}/${tenant}/oauth2/v2.0/token`);
    if (refused !== undefined) return refused;
    return {
      status: 200,
      json: {
        token_type: "Bearer",
        expires_in: Math.floor(this.#lifetimeMs / 1000),
        ext_expires_in: Math.floor(this.#lifetimeMs / 1000),
        access_token: this.issue(application, scope.slice(0, -"/.default".length)),
      },
    };
  }

  issue({ clientId, permissions }: Application, audience: string): string {
    this.issued += 1;
    const claims = {
      aud: audience,
      iss: `https://sts.windows.net/${this.#tenant.id}/`,
      appid: clientId,
      roles: permissions,
      tid: this.#tenant.id,
      iat: seconds(),
      nbf: seconds(),
      exp: seconds() + Math.floor(this.#lifetimeMs / 1000),
      jti: randomUUID(),
    };
    const content = `${base64({ typ: "JWT", alg: "HS256" })}.${base64(claims)}`;
    return `${content}.${this.#sign(content)}`;
  }

  /** Undefined: the token is missing, forged, expired or of another tenant. */
  caller(authorization: string | undefined): Caller | undefined {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    const [head, body, signature, ...more] = token?.split(".") ?? [];
    if (token === undefined || head === undefined || body === undefined || signature === undefined || more.length > 0)
      return undefined;
    if (!isSame(signature, this.#sign(`${head}.${body}`))) return undefined;
    const claims = Claims.safeParse(parsed(body)).data;
    if (
      claims === undefined ||
      claims.tid !== this.#tenant.id ||
      claims.exp <= seconds() ||
      this.#expired.has(claims.jti)
    )
      return undefined;
    const application = this.#applications.find(({ clientId }) => clientId === claims.appid);
    return application === undefined ? undefined : { application, token };
  }

  /** Makes a token invalid before its time. Gives false where it was already. */
  expire(token: string): boolean {
    const claims = Claims.safeParse(parsed(token.split(".")[1] ?? "")).data;
    if (claims === undefined || this.#expired.has(claims.jti)) return false;
    this.#expired.add(claims.jti);
    this.expirations += 1;
    return true;
  }

  #refuses(application: Application, form: URLSearchParams, endpoint: string): Answer | undefined {
    const secret = form.get("client_secret");
    const assertion = form.get("client_assertion");
    if (secret !== null) {
      if (application.secret !== undefined && isSame(secret, application.secret)) return undefined;
      return refusal(
        401,
        "invalid_client",
        7000215,
        `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${application.clientId}'.`,
      );
    }
    if (assertion === null || form.get("client_assertion_type") !== ASSERTION_TYPE) {
      return refusal(
        401,
        "invalid_client",
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
      );
    }
    const fault = this.#assertionFault(application, assertion, endpoint);
    return fault === undefined
      ? undefined
      : refusal(401, "invalid_client", 700027, `Client assertion failed signature validation: ${fault}`);
  }

  #assertionFault(application: Application, assertion: string, endpoint: string): string | undefined {
    const [head = "", body = "", signature = ""] = assertion.split(".");
    const header = AssertionHeader.safeParse(parsed(head)).data;
    const claims = Assertion.safeParse(parsed(body)).data;
    if (header === undefined || claims === undefined) return "the assertion is malformed.";
    if (claims.exp <= seconds() || (claims.nbf ?? 0) > seconds() + 300) return "the assertion is outside of its time.";
    const { certificate, federation, clientId } = application;
    const signed = Buffer.from(`${head}.${body}`);
    const isFederated = federation !== undefined && claims.iss === federation.issuer;
    if (isFederated) {
      if (claims.sub !== federation.subject || claims.aud !== "api://AzureADTokenExchange")
        return "no matching federated identity record found for presented assertion.";
      return isSigned(header.alg, signed, federation.publicKey, signature) ? undefined : "the issuer did not sign it.";
    }
    if (certificate === undefined) return "the application has no certificate.";
    const x509 = new X509Certificate(certificate);
    if (Date.parse(x509.validTo) < Date.now()) return "the certificate has expired.";
    if (header["x5t#S256"] !== createHash("sha256").update(x509.raw).digest("base64url"))
      return "the key was not found.";
    if (claims.iss !== clientId || claims.sub !== clientId) return "issuer and subject are not the application.";
    // Behind a proxy that ends TLS the client's name of the endpoint has another scheme.
    if (claims.aud.replace(/^https?:/, "") !== endpoint.replace(/^https?:/, ""))
      return `the audience ${claims.aud} is not ${endpoint}.`;
    if (claims.jti === undefined || this.#assertions.has(claims.jti)) return "it was used before.";
    this.#assertions.add(claims.jti);
    return isSigned(header.alg, signed, x509.publicKey.export({ type: "spki", format: "pem" }).toString(), signature)
      ? undefined
      : "the signature is wrong.";
  }

  #sign(content: string): string {
    return createHmac("sha256", this.#key).update(content).digest("base64url");
  }
}

function isSigned(algorithm: string, signed: Buffer, publicKey: string, signature: string): boolean {
  const bytes = Buffer.from(signature, "base64url");
  if (algorithm === "RS256") return verify("sha256", signed, publicKey, bytes);
  if (algorithm !== "PS256") return false;
  return verify("sha256", signed, { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, bytes);
}

function refusal(status: number, error: string, code: number, sentence: string): Answer {
  const trace = randomUUID();
  const error_description = `AADSTS${code}: ${sentence} Trace ID: ${trace} Correlation ID: ${randomUUID()} Timestamp: ${new Date().toISOString()}`;
  return {
    status,
    json: {
      error,
      error_description,
      error_codes: [code],
      timestamp: new Date().toISOString(),
      trace_id: trace,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
  };
}

function isSame(left: string, right: string): boolean {
  const [a, b] = [createHash("sha256").update(left).digest(), createHash("sha256").update(right).digest()];
  return timingSafeEqual(a, b);
}

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function parsed(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return undefined;
  }
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
