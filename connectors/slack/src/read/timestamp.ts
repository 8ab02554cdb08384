/** Slack's timestamps are seconds, a dot and a counter that makes them unique. They are compared as text, never as numbers. */
const TIMESTAMP = /^\d{10}\.\d{1,6}$/;

export function isTimestamp(value: string | undefined): value is string {
  return value !== undefined && TIMESTAMP.test(value);
}

/** ISO 8601 in UTC with milliseconds. */
export function timeOf(ts: string): string {
  const milliseconds = Number(ts.slice(0, 10)) * 1000 + Number(ts.slice(11, 14).padEnd(3, "0"));
  return new Date(milliseconds).toISOString();
}

/** A moment as the source writes it, to compare with its timestamps. */
export function secondsOf(moment: Date): string {
  return `${Math.floor(moment.getTime() / 1000)}.999999`;
}
