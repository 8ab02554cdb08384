/** An answer that is not what was asked for. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object;
  readonly headers: Record<string, string>;

  constructor(status: number, body: object, headers: Record<string, string> = {}) {
    super(JSON.stringify(body));
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export function problem(status: number, title: string, detail: string, type = "about:blank"): Refusal {
  return new Refusal(status, { title, detail, type, status });
}
