import { randomUUID } from "node:crypto";
import { createReadStream, mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { badRequest, GraphError } from "./graph-error.ts";
import { withFaults } from "./graph-router.ts";
import { type Answer, BodyTooLarge, header, readBody } from "./server-http.ts";
import type { ServerContext } from "./server.ts";
import { writeId } from "./store-id.ts";
import type { NewAttachment } from "./store-types.ts";

interface Session {
  item: number;
  mailbox: number;
  application: string;
  size: number;
  received: number;
  attachment: Omit<NewAttachment, "content">;
  path: string;
  file: Promise<FileHandle>;
  expiresAt: Date;
  busy: boolean;
}

const CHUNK_BYTES = 4 * 1024 * 1024;
const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** Uploads under way. They do not outlive the server: a client whose session is gone begins anew. */
export class UploadSessions {
  readonly #context: ServerContext;
  readonly #folder: string;
  readonly #sessions = new Map<string, Session>();

  constructor(context: ServerContext) {
    this.#context = context;
    this.#folder = join(context.folder, "uploads");
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
  }

  create(item: number, mailbox: number, application: string, size: number, attachment: Session["attachment"]): object {
    const id = randomUUID();
    const path = join(this.#folder, id);
    const expiresAt = new Date(Date.now() + LIFETIME_MS);
    this.#sessions.set(id, {
      item,
      mailbox,
      application,
      size,
      received: 0,
      attachment,
      path,
      file: open(path, "wx"),
      expiresAt,
      busy: false,
    });
    return {
      uploadUrl: `${this.#context.url()}/upload/${id}`,
      expirationDateTime: expiresAt.toISOString(),
      nextExpectedRanges: ["0-"],
    };
  }

  /** `GET`, `PUT` and `DELETE` of the session's own address, which is the credential. */
  async answer(request: IncomingMessage, id: string): Promise<Answer> {
    const body = await readBody(request, CHUNK_BYTES).catch((error: unknown) => error);
    const session = this.#sessions.get(id);
    if (session === undefined || session.expiresAt.getTime() < Date.now())
      throw new GraphError(404, "ErrorItemNotFound", "The upload session is not there.");
    if (header(request, "authorization") !== undefined)
      throw new GraphError(
        401,
        "InvalidAuthenticationToken",
        "The upload address is its own credential: send no Authorization.",
      );
    if (request.method === "GET") return { status: 200, json: progress(session) };
    if (request.method === "DELETE") {
      await this.#drop(id, session);
      return { status: 204 };
    }
    if (request.method !== "PUT") throw badRequest("BadRequest", "Only GET, PUT and DELETE are supported here.");
    if (body instanceof BodyTooLarge) throw new GraphError(413, "RequestEntityTooLarge", "A range has less than 4 MB.");
    if (!(body instanceof Buffer)) throw badRequest("BadRequest", "The range could not be read.");
    return this.#put(id, session, body, header(request, "content-range") ?? "");
  }

  async close(): Promise<void> {
    for (const [id, session] of this.#sessions) await this.#drop(id, session);
  }

  async #put(id: string, session: Session, bytes: Buffer, range: string): Promise<Answer> {
    const address = this.#context.store.mailboxById(session.mailbox)?.address ?? "";
    const pass = this.#context.pace.enter(session.application, address, bytes.length);
    if ("limit" in pass)
      throw new GraphError(
        429,
        "ApplicationThrottled",
        `Application is over its ${pass.limit} limit.`,
        pass.retryAfterSeconds,
      );
    try {
      return await withFaults(this.#context, { mailbox: address, isWrite: true }, () =>
        this.#take(id, session, bytes, range),
      );
    } finally {
      pass.leave();
    }
  }

  async #take(id: string, session: Session, bytes: Buffer, range: string): Promise<Answer> {
    const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? [];
    if (first === undefined || Number(size) !== session.size || Number(last) - Number(first) + 1 !== bytes.length) {
      throw badRequest(
        "InvalidContentRange",
        `The Content-Range '${range}' does not fit the ${bytes.length} bytes sent or the size ${session.size} announced.`,
      );
    }
    if (session.busy || Number(first) !== session.received || Number(last) >= session.size) {
      throw new GraphError(416, "InvalidContentRange", `The range must begin at ${session.received}.`);
    }
    session.busy = true;
    try {
      await (await session.file).write(bytes, 0, bytes.length, session.received);
      session.received += bytes.length;
    } finally {
      session.busy = false;
    }
    if (session.received < session.size) return { status: 200, json: progress(session) };
    return this.#finish(id, session);
  }

  async #finish(id: string, session: Session): Promise<Answer> {
    const { store, url } = this.#context;
    const stored = await store.addAttachment(session.item, {
      ...session.attachment,
      content: createReadStream(session.path),
    });
    await this.#drop(id, session);
    const attachment = writeId({ kind: "attachment", mailbox: session.mailbox, number: stored.id, folder: 0 });
    const message = writeId({ kind: "immutable-item", mailbox: session.mailbox, number: session.item, folder: 0 });
    const user = store.mailboxById(session.mailbox)?.objectId ?? "";
    return {
      status: 201,
      headers: { location: `${url()}/v1.0/users/${user}/messages/${message}/attachments/${attachment}` },
    };
  }

  async #drop(id: string, session: Session): Promise<void> {
    this.#sessions.delete(id);
    await (await session.file).close();
    await rm(session.path, { force: true });
  }
}

function progress({ received, expiresAt }: Session): object {
  return { expirationDateTime: expiresAt.toISOString(), nextExpectedRanges: [`${received}-`] };
}
