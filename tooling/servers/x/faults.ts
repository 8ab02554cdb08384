import type { Random } from "../../random.ts";

/** How badly the server behaves. All are probabilities for each request, from 0 to 1. */
export interface Faults {
  tooMany: number;
  serverError: number;
  /** The connection is cut: before the answer, or in its middle. */
  cut: number;
  emptyPage: number;
  /** A page token is refused though it was just given. */
  expiredToken: number;
  /** A valid access token is refused before its time. */
  revokedToken: number;
  /** Pages are shorter than asked for. */
  shortPages: boolean;
  /** Whether files fail like the API does. */
  files: boolean;
}

export const NO_FAULTS: Faults = {
  tooMany: 0,
  serverError: 0,
  cut: 0,
  emptyPage: 0,
  expiredToken: 0,
  revokedToken: 0,
  shortPages: false,
  files: false,
};

export const ALL_FAULTS: Faults = {
  tooMany: 0.02,
  serverError: 0.02,
  cut: 0.02,
  emptyPage: 0.1,
  expiredToken: 0.02,
  revokedToken: 0.02,
  shortPages: true,
  files: true,
};

export function pageSize(faults: Faults, random: Random, asked: number): number {
  if (random.chance(faults.emptyPage)) return 0;
  return faults.shortPages ? random.between(1, Math.min(asked, 12)) : asked;
}
