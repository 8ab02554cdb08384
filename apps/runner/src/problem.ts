import { isHansardError } from "@hansard/core";

/** A result in which what stopped the work is said in sentences. */
export type Problem<Result> = Omit<Result, "stopped"> & {
  stopped: { where?: string; reason: string; remedy?: string }[];
};

export function explained(error: unknown): { reason: string; remedy?: string } {
  if (!isHansardError(error)) return { reason: error instanceof Error ? error.message : String(error) };
  return error.remedy === undefined ? { reason: error.message } : { reason: error.message, remedy: error.remedy };
}
