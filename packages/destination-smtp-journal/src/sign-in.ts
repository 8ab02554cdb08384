import { AccessTokens } from "@hansard/core/ingestion";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPError } from "nodemailer/lib/smtp-connection";
import XOAuth2 from "nodemailer/lib/xoauth2";
import type { SignIn } from "./settings.ts";

type Credentials = Parameters<SMTPConnection["login"]>[0];

/** What one connection signs in with, and what of it no message may show. */
export interface SignInMeans {
  credentials: Credentials;
  secret: string;
}

/** Gives what connections sign in with, for all connections of a destination. */
export interface SignInSource {
  /** Rejects with a HansardError where no access token is to be had. */
  get(): Promise<SignInMeans>;
  /** The server refused it. True where another one may do. */
  renew(secret: string): boolean;
}

export function signInSource(signIn: SignIn): SignInSource {
  if (signIn.method === "password") {
    const { user, password } = signIn;
    const secret = password.reveal();
    return { get: () => Promise.resolve({ credentials: { user, pass: secret }, secret }), renew: () => false };
  }
  if (signIn.method === "access-token") {
    const secret = signIn.accessToken.reveal();
    return { get: () => Promise.resolve(withToken(signIn.user, secret)), renew: () => false };
  }
  const tokens = new AccessTokens(signIn);
  return {
    get: async () => withToken(signIn.user, await tokens.get()),
    renew(secret) {
      tokens.forget(secret);
      return true;
    },
  };
}

function withToken(user: string, secret: string): SignInMeans {
  const oauth2 = new XOAuth2({
    user,
    // The library asks again over the same connection, which many servers end after a refusal: we open another one.
    provisionCallback: (_user, renew, done) =>
      renew ? done(new Error("The server does not take the access token.")) : done(null, secret),
  });
  return { credentials: { user, oauth2 }, secret };
}

/** Whether the server refused who we are, for good. */
export function isRefused(error: unknown): boolean {
  const { code, responseCode } = error as Partial<SMTPError>;
  return code === "EAUTH" && (responseCode === undefined || responseCode >= 500);
}

/** A server may repeat what it was sent. */
export function redact(error: unknown, secret: string): void {
  if (!(error instanceof Error) || secret === "") return;
  error.message = error.message.replaceAll(secret, "[secret]");
  if ("response" in error && typeof error.response === "string")
    error.response = error.response.replaceAll(secret, "[secret]");
}
