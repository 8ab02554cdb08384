import type { Logger } from "@hansard/core";
import { destination, pino, stdTimeFunctions } from "pino";

/** Structured log lines on the error output, so that results on the standard output stay clean. */
export function openLog(level: string): Logger {
  const log = pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, destination({ dest: 2, sync: true }));
  return {
    debug: (message, details = {}) => log.debug(details, message),
    info: (message, details = {}) => log.info(details, message),
    warn: (message, details = {}) => log.warn(details, message),
    error: (message, details = {}) => log.error(details, message),
  };
}
