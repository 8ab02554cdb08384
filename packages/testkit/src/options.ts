/** Settings as the configuration holds them, before the connector's schema has parsed them. */
export type Settings = Record<string, unknown>;

/** What the conformance suite needs beside the connector. */
export interface ConformanceOptions<Server extends RunningServer = RunningServer> {
  /** The folder of `<Type>.<case>.json` files, each `{ "event": …, "message": …, "shows": ["edits:every-version"] }`. */
  fixtures: URL;
  source: ConformanceSource<Server>;
  /** Cases that this connector cannot meet. A waiver whose case passes is stale, and fails. */
  waivers?: Waiver[];
}

/** Why a case of the suite does not hold for a connector. */
export interface Waiver {
  /** The id of the case, which stands in brackets at the end of its name. */
  case: string;
  /** What in the source makes it impossible, as a sentence. */
  reason: string;
}

/**
 * A small source, always of the same content, that the suite reads over and over. It should take two to ten pages, hold
 * two events of the same time, and one thing of a kind that the connector does not know.
 */
export interface ConformanceSource<Server extends RunningServer = RunningServer> {
  /** How many events a first read of it must give: the truth that the suite holds the connector to. */
  events: number;
  /** The settings to read it with, with secrets of at least eight characters. */
  settings: Settings | ((copy: SourceCopy<Server>) => Settings | Promise<Settings>);
  /** Answers HTTP requests as the source does. For a source that keeps state, give `start` instead. */
  answer?: (request: Request, state: SourceState) => Response | Promise<Response>;
  /** Starts a fresh server with the source's content. It is started many times, and closed each time. */
  start?: (copy: { folder: string; large: boolean }) => Promise<Server>;
  /** What happens at the source after a first read. `answer` sees it in its state; for others `happen` makes it happen. */
  later?: {
    /** How many further events the next read must give. */
    events: number;
    happen?: (copy: SourceCopy<Server>) => void | Promise<void>;
  };
  /** The time, where the source's content needs a certain one. Absent: the server's, else the machine's. */
  now?: () => Date;
  /** How the source asks for patience. Absent: status 429 with Retry-After in seconds. */
  rateLimited?: (retryAt: Date) => { status: number; headers?: Record<string, string>; body?: string };
  /** That `start`, `answer` and `settings` can give a large source too, of which reading must not take more and more memory. */
  large?: { events: number };
  /** Further secrets that must not show, such as tokens that the source itself gives out. */
  secrets?: string[];
}

/** A server that an author's `start` gives. */
export interface RunningServer {
  url: string;
  /** The server's own time, where it has one. */
  now?: () => Date;
  close(): unknown;
}

/** One fresh copy of the source. */
export interface SourceCopy<Server extends RunningServer = RunningServer> {
  /** Where the source answers: the suite's own server, which stands in front and makes faults. Empty without `answer` or `start`. */
  url: string;
  /** An empty folder of this copy, for sources that are files. */
  folder: string;
  /** Whether the large source is wanted. */
  large: boolean;
  /** What `start` gave. */
  server: Server;
}

/** What an `answer` may depend on beside the request. */
export interface SourceState {
  /** Whether the things of `later` have happened. */
  later: boolean;
  /** Whether the large source is wanted. */
  large: boolean;
}
