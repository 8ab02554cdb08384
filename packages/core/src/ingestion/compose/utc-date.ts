const WITH_OFFSET =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d{2}):?(\d{2}))$/i;
const UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** RFC 5322 dates begin in 1900. An earlier one is a system's "no date", such as the year 1 or 1601. */
const EARLIEST = Date.UTC(1900, 0, 1);
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const MINUTE_MS = 60_000;

/**
 * An ISO 8601 time with offset as UTC with milliseconds, such as `2026-11-22T09:30:00.000Z`. Undefined where it is not a
 * time that exists; a time without offset is none, since it would mean another instant on another machine.
 */
export function utcDate(text: string): string | undefined {
  // The form that most connectors give; every month has 28 days.
  if (UTC.test(text) && text >= "1900" && Number(text.slice(8, 10)) <= 28 && !Number.isNaN(Date.parse(text)))
    return text;
  const match = WITH_OFFSET.exec(text);
  if (match === null) return undefined;
  const [, day, time, second = "00", fraction = "", sign, hours = "00", minutes = "00"] = match;
  const canonical = `${day}T${time}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}Z`;
  const local = Date.parse(canonical);
  // The comparison refuses the 30th of February, which Date takes for the 2nd of March.
  if (Number.isNaN(local) || new Date(local).toISOString() !== canonical) return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  const utc = sign === "-" ? local + offsetMs : local - offsetMs;
  return utc < EARLIEST || utc > LATEST ? undefined : new Date(utc).toISOString();
}

/**
 * A time of that form as RFC 5322 writes it: `Sun, 22 Nov 2026 09:30:00 +0000`.
 * Throws a RangeError for any other form, which Date might read by the machine's own time zone.
 */
export function mailDate(date: string): string {
  const weekday = UTC.test(date) ? WEEKDAYS[new Date(date).getUTCDay()] : undefined;
  if (weekday === undefined) {
    throw new RangeError(`The message's date ${JSON.stringify(date)} is not a time in UTC with milliseconds.`);
  }
  const month = MONTHS[Number(date.slice(5, 7)) - 1];
  return `${weekday}, ${date.slice(8, 10)} ${month} ${date.slice(0, 4)} ${date.slice(11, 19)} +0000`;
}
