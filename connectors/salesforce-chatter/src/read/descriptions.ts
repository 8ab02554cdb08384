import type { Settings } from "../schema.ts";
import type { Field } from "./lookup.ts";
import { identity } from "./sign-in.ts";

const KEPT_MS = 3_600_000;

/** What the fields of an object are; undefined where the object is hidden. */
type Description = Promise<Map<string, Field> | undefined>;

interface Kept {
  bornAt: number;
  byObject: Map<string, Description>;
}

/** Partitions read every few minutes would spend more requests on descriptions than on Chatter; they share them for an hour. */
const kept = new Map<string, Kept>();

export interface Descriptions {
  of(object: string, describe: () => Description): Description;
  /** Drops what is known. True where it was from before, so that asking anew may help. */
  forget(): boolean;
}

export function openDescriptions(settings: Settings): Descriptions {
  const key = `${identity(settings)} ${settings.apiVersion}`;
  const now = Date.now();
  const earlier = kept.get(key);
  const isFresh = !earlier || now - earlier.bornAt > KEPT_MS;
  const current: Kept = isFresh ? { bornAt: now, byObject: new Map() } : earlier;
  kept.set(key, current);
  return {
    async of(object, describe) {
      const known = current.byObject.get(object) ?? describe();
      current.byObject.set(object, known);
      known.catch(() => current.byObject.delete(object));
      return await known;
    },
    forget() {
      if (kept.get(key) === current) kept.delete(key);
      return !isFresh;
    },
  };
}
