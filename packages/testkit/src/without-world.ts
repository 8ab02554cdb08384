import { isMainThread } from "node:worker_threads";

const ZONES = ["Pacific/Kiritimati", "America/St_Johns"];

/**
 * Runs `work` twice, in two time zones, where the clock, chance, the network and timers throw. Gives both results.
 * `work` must be synchronous.
 */
export function withoutWorld<Result>(work: () => Result): [Result, Result] {
  const restore = [Math, globalThis, performance].map((object) => removeFrom(object));
  const zone = process.env["TZ"];
  try {
    return [inZone(ZONES[0], work), inZone(ZONES[1], work)];
  } finally {
    setZone(zone);
    for (const again of restore) again();
  }
}

const REMOVED: Record<string, string> = {
  random: "Math.random",
  now: "performance.now",
  fetch: "fetch",
  crypto: "crypto",
  setTimeout: "setTimeout",
  setInterval: "setInterval",
  setImmediate: "setImmediate",
  Temporal: "Temporal.Now",
};

function removeFrom(object: object): () => void {
  const kept = Object.keys(REMOVED).flatMap((name) => {
    const descriptor = Object.getOwnPropertyDescriptor(object, name);
    return descriptor?.configurable ? [[name, descriptor] as const] : [];
  });
  for (const [name] of kept) {
    const use = REMOVED[name] ?? name;
    if (name === "crypto" || name === "Temporal")
      Object.defineProperty(object, name, { configurable: true, get: () => refuse(use) });
    else Object.defineProperty(object, name, { configurable: true, value: () => refuse(use) });
  }
  const date = object === globalThis ? stopClock() : undefined;
  return () => {
    for (const [name, descriptor] of kept) Object.defineProperty(object, name, descriptor);
    date?.();
  };
}

/** Dates can be made of what is given, and not of the present. */
function stopClock(): () => void {
  const real = globalThis.Date;
  const stopped: DateConstructor = new Proxy(real, {
    construct: (target, values, self) =>
      values.length === 0 ? refuse("new Date()") : Reflect.construct(target, values, self === stopped ? target : self),
    apply: () => refuse("Date()"),
    get: (target, name, receiver) => (name === "now" ? () => refuse("Date.now") : Reflect.get(target, name, receiver)),
  });
  globalThis.Date = stopped;
  return () => {
    globalThis.Date = real;
  };
}

function refuse(use: string): never {
  throw new Error(
    `The mapping used ${use}. A mapping is a pure function of the event; take times from the event, and look-ups from its context.`,
  );
}

function inZone<Result>(zone: string | undefined, work: () => Result): Result {
  setZone(zone);
  return work();
}

function setZone(zone: string | undefined): void {
  // A worker has a copy of the environment that the time zone does not follow.
  if (!isMainThread) return;
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
}
