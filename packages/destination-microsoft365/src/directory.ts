import { AuthenticationError, UnavailableError } from "@hansard/core";
import { z } from "zod";
import { callBatch } from "./batch.ts";
import { GraphFailure } from "./failure.ts";
import type { GraphAnswer, GraphClient } from "./graph-client.ts";
import { pagesOf } from "./pages.ts";
import type { Settings } from "./settings.ts";

const Users = z.object({ value: z.array(z.object({ mail: z.string().nullish() })) });

const ADVANCED = { ConsistencyLevel: "eventual" };

/** Questions that come within this time share a batch. */
const GATHER_MS = 5;
const NOBODY_MAX_AGE_MS = 600_000;
const MOST_ANSWERS = 200_000;

/** Finds whose mailbox an address is, in Entra ID. Answers are kept for a while; a failure never counts as "nobody". */
export class Directory {
  readonly #client: GraphClient;
  readonly #settings: Settings;
  readonly #answers = new Map<string, { mailbox: string | undefined; until: number }>();
  readonly #asked = new Map<string, Promise<string | undefined>>();
  #gathering: { key: string; resolve: (mailbox: string | undefined) => void; reject: (error: unknown) => void }[] = [];

  constructor(client: GraphClient, settings: Settings) {
    this.#client = client;
    this.#settings = settings;
  }

  /** The primary address of the mailbox that has this mail address, further address, sign-in name or employee id. */
  resolve(address: string): Promise<string | undefined> {
    const key = address.trim().toLowerCase();
    const answer = this.#answers.get(key);
    if (answer && answer.until > Date.now()) return Promise.resolve(answer.mailbox);
    const asked = this.#asked.get(key) ?? this.#gather(key).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  #gather(key: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#gathering.length === 0) setTimeout(() => void this.#ask(), GATHER_MS);
      this.#gathering.push({ key, resolve, reject });
    });
  }

  async #ask(): Promise<void> {
    const asked = this.#gathering;
    this.#gathering = [];
    try {
      const requests = asked.map(({ key }) => this.#request(key));
      const signal = AbortSignal.timeout(this.#settings.timeoutMs);
      const answers = await callBatch(this.#client, requests, signal);
      for (const [index, { key, resolve, reject }] of asked.entries()) {
        const answer = answers[index];
        if (answer === undefined || answer instanceof GraphFailure) reject(directoryError(key, answer));
        else
          await pagesOf(this.#client, answer, { headers: ADVANCED }, signal).then(
            (pages) => resolve(this.#remember(key, pages)),
            (error: unknown) => reject(directoryError(key, error)),
          );
      }
    } catch (error) {
      for (const { key, reject } of asked) reject(directoryError(key, error));
    }
  }

  #request(key: string): { method: "GET"; path: string; headers: Record<string, string> } {
    const value = key.replaceAll("'", "''");
    const { employeeIdAttribute } = this.#settings;
    const filter = key.includes("@")
      ? `mail eq '${value}' or userPrincipalName eq '${value}' or proxyAddresses/any(p:p eq 'smtp:${value}')`
      : `${employeeIdAttribute ?? "employeeId"} eq '${value}'`;
    // An employee id is only found by what Graph calls an advanced query.
    return {
      method: "GET",
      path: `/users?$filter=${encodeURIComponent(filter)}&$select=mail&$count=true&$top=2`,
      headers: ADVANCED,
    };
  }

  #remember(key: string, pages: GraphAnswer[]): string | undefined {
    const value = pages.flatMap(({ json }) => Users.parse(json).value);
    const mailboxes = [
      ...new Set(value.flatMap(({ mail }) => (typeof mail === "string" && mail !== "" ? [mail.toLowerCase()] : []))),
    ];
    // Two people with one employee id are nobody: a wrong guess would show one the other's messages.
    const mailbox = mailboxes.length === 1 ? mailboxes[0] : undefined;
    const oldest = this.#answers.size >= MOST_ANSWERS ? this.#answers.keys().next().value : undefined;
    if (oldest !== undefined) this.#answers.delete(oldest);
    const { directoryMaxAgeMs } = this.#settings;
    this.#answers.set(key, {
      mailbox,
      until: Date.now() + (mailbox === undefined ? Math.min(directoryMaxAgeMs, NOBODY_MAX_AGE_MS) : directoryMaxAgeMs),
    });
    return mailbox;
  }
}

function directoryError(key: string, error: unknown): Error {
  if (!(error instanceof GraphFailure))
    return error instanceof Error ? error : new UnavailableError(`The directory did not say who ${key} is.`);
  const { kind, reason } = error.failure;
  if (kind !== "misconfigured" && kind !== "token")
    return new UnavailableError(`The directory did not say who ${key} is: ${reason}`, { cause: error });
  const remedy =
    "Give the application the permission User.Read.All or User.ReadBasic.All with an administrator's consent.";
  return new AuthenticationError(`The application may not read the directory: ${reason}`, { remedy, cause: error });
}
