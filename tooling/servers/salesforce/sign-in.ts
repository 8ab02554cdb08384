import { createVerify, randomUUID } from "node:crypto";

/** The connected app and the integration user that the server knows. */
export interface ConnectedApp {
  clientId: string;
  clientSecret?: string;
  username: string;
  /** The PEM certificate or public key that the app holds for JWT bearer sign-in. */
  publicKey?: string;
  /** The audience that assertions must name. */
  audience: string;
  /** The refresh token that is valid now. With `rotates`, it changes at every use. */
  refreshToken?: string;
  rotates?: boolean;
}

export interface TokenAnswer {
  status: number;
  body: { [name: string]: string };
}

/** Answers the token endpoint as Salesforce does. `issue` makes an access token. */
export function answerToken(
  app: ConnectedApp,
  form: URLSearchParams,
  issue: () => string,
  instanceUrl: string,
): TokenAnswer {
  const grant = form.get("grant_type");
  const refusal =
    grant === "urn:ietf:params:oauth:grant-type:jwt-bearer"
      ? refuseAssertion(app, form)
      : grant === "refresh_token"
        ? refuseRefresh(app, form)
        : (["unsupported_grant_type", "grant type not supported"] as const);
  if (refusal) return { status: 400, body: { error: refusal[0], error_description: refusal[1] } };
  const rotated = grant === "refresh_token" && app.rotates ? { refresh_token: (app.refreshToken = randomUUID()) } : {};
  return {
    status: 200,
    body: {
      access_token: issue(),
      instance_url: instanceUrl,
      id: `${instanceUrl}/id/00D000000000001AAA/005000000000001AAA`,
      token_type: "Bearer",
      scope: "api refresh_token",
      ...rotated,
    },
  };
}

type Refusal = readonly [error: string, description: string] | undefined;

function refuseAssertion(app: ConnectedApp, form: URLSearchParams): Refusal {
  const [header = "", payload = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const claims = decode(payload);
  if (decode(header)["alg"] !== "RS256") return ["invalid_grant", "invalid assertion"];
  if (claims["iss"] !== app.clientId) return ["invalid_client_id", "client identifier invalid"];
  if (claims["aud"] !== app.audience) return ["invalid_grant", "audience is invalid"];
  if (claims["sub"] !== app.username) return ["invalid_grant", "user hasn't approved this consumer"];
  const secondsLeft = Number(claims["exp"]) - Date.now() / 1000;
  if (!(secondsLeft >= 0 && secondsLeft <= 300)) return ["invalid_grant", "assertion has expired or lives too long"];
  const isSigned =
    app.publicKey !== undefined &&
    createVerify("RSA-SHA256").update(`${header}.${payload}`).verify(app.publicKey, signature, "base64url");
  return isSigned ? undefined : ["invalid_grant", "invalid assertion"];
}

function refuseRefresh(app: ConnectedApp, form: URLSearchParams): Refusal {
  if (form.get("client_id") !== app.clientId) return ["invalid_client_id", "client identifier invalid"];
  if (app.clientSecret !== undefined && form.get("client_secret") !== app.clientSecret)
    return ["invalid_client", "invalid client credentials"];
  if (app.refreshToken === undefined || form.get("refresh_token") !== app.refreshToken)
    return ["invalid_grant", "expired access/refresh token"];
  return undefined;
}

function decode(part: string): { [claim: string]: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
