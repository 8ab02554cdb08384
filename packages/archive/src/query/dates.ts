import { QueryError } from "./query-error.ts";

/** From `from` on, before `to`: milliseconds since 1970. An end that is absent is open. */
export interface Period {
  from?: number;
  to?: number;
}

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/i;
const ZONE_MINUTES = /^([+-])(\d\d):(\d\d)$/;

export type Comparison = ":" | "=" | "<" | "<=" | ">" | ">=";

/** The period that a condition such as `sent>=2026-01` or `sent:2026-01-01..2026-01-31` means. */
export function parsePeriod(comparison: Comparison, text: string, position: number): Period {
  const [start, end, ...more] = text.split("..");
  if (end !== undefined && (comparison === ":" || comparison === "=") && more.length === 0) {
    const [from, to] = [
      start ? parseDate(start, position).from : undefined,
      end ? parseDate(end, position).to : undefined,
    ];
    return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  }
  const { from, to } = parseDate(text, position);
  if (comparison === "<") return { to: from };
  if (comparison === "<=") return { to };
  if (comparison === ">") return { from: to };
  if (comparison === ">=") return { from };
  return { from, to };
}

/** The year, month, day, minute, second or millisecond that the text names, in UTC where it names no zone. */
function parseDate(text: string, position: number): Required<Period> {
  const parts = DATE.exec(text);
  if (parts === null) throw notADate(text, position);
  const [, year = "", month, day, hour, minute, second, fraction, zone] = parts;
  const start = [year, month, day, hour, minute, second].map((part) => (part === undefined ? undefined : Number(part)));
  const millisecond = fraction === undefined ? undefined : Number(fraction.padEnd(3, "0"));
  const from = time([...start, millisecond]);
  if (
    new Date(from).toISOString().slice(0, 10) !== `${year}-${month ?? "01"}-${day ?? "01"}` ||
    Number(hour) > 23 ||
    Number(minute) > 59
  ) {
    throw notADate(text, position);
  }
  const to = time(successor([...start, millisecond]));
  const offsetMs = zoneMinutes(zone) * 60_000;
  return { from: from - offsetMs, to: to - offsetMs };
}

function time([year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0]: (
  | number
  | undefined
)[]): number {
  return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
}

/** The next unit of the finest one given. */
function successor(parts: (number | undefined)[]): (number | undefined)[] {
  const given = parts.filter((part) => part !== undefined).length;
  return parts.map((part, index) => (index === given - 1 ? (part ?? 0) + 1 : part));
}

function zoneMinutes(zone: string | undefined): number {
  const [, sign, hours, minutes] = ZONE_MINUTES.exec(zone ?? "") ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
}

function notADate(text: string, position: number): QueryError {
  return new QueryError(
    `"${text}" at character ${position + 1} is no date. Write 2026, 2026-01, 2026-01-31 or 2026-01-31T10:00:00Z.`,
    position,
  );
}
