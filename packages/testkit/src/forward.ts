import type { Upstream } from "./fault-server.ts";

const CODING = ["content-encoding", "content-length"];

/** Passes requests on to a server. Where its answers name the server itself, they name the suite's instead. */
export function forwardTo(target: string): (own: string) => Upstream {
  const origin = new URL(target).origin;
  return (own) => async (request) => {
    const { pathname, search } = new URL(request.url);
    const hasBody = request.method !== "GET" && request.method !== "HEAD";
    const answer = await fetch(`${origin}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      redirect: "manual",
      ...(hasBody && { body: await request.arrayBuffer() }),
    });
    return renamed(answer, origin, own);
  };
}

async function renamed(answer: Response, from: string, to: string): Promise<Response> {
  const headers = new Headers(
    [...answer.headers]
      .filter(([name]) => !CODING.includes(name))
      .map(([name, value]) => [name, value.replaceAll(from, to)]),
  );
  const isText = /json|text|xml|urlencoded/.test(answer.headers.get("content-type") ?? "json");
  const body = isText ? rename(await answer.text(), from, to) : await answer.arrayBuffer();
  const isEmpty = answer.status === 204 || answer.status === 304;
  return new Response(isEmpty ? null : body, { status: answer.status, headers });
}

function rename(text: string, from: string, to: string): string {
  return [from, from.replaceAll("/", "\\/"), new URL(from).host].reduce((renamed, written, index) => {
    const replacement = [to, to.replaceAll("/", "\\/"), new URL(to).host][index] ?? to;
    return renamed.replaceAll(written, replacement);
  }, text);
}
