import type { Captures, Json, MessageDraft } from "@hansard/core";
import { type Fixture, type FixtureFile, writeMessage } from "../fixture.ts";
import { firstDifference, throughJson } from "../json.ts";
import { mapFixture } from "../map-event.ts";
import { type Case, listed, must, type Suite } from "../suite.ts";

export function fixtureCases(suite: Suite): Case[] {
  return [
    { id: "fixtures-types", name: "every event type has a fixture", run: () => showsEveryType(suite) },
    {
      id: "fixtures-claims",
      name: "every claim of captures is shown by a fixture that names it",
      run: () => showsEveryClaim(suite),
    },
    ...suite.fixtures.map((file): Case => ({
      id: `fixture-${file.name.replace(/\.json$/, "")}`,
      name: `fixtures/${file.name} maps to its message`,
      run: () => mapsToItsMessage(suite, file),
    })),
  ];
}

/** The fixtures that can be read. Those that cannot fail by themselves. */
export function readable({ fixtures }: Suite): { name: string; fixture: Fixture }[] {
  return fixtures.flatMap((file) => ("fixture" in file ? [{ name: file.name, fixture: file.fixture }] : []));
}

function showsEveryType(suite: Suite): void {
  const shown = new Set(readable(suite).map(({ fixture }) => fixture.event.type));
  const missing = Object.keys(suite.connector.events).filter((type) => !shown.has(type));
  must(
    missing.length === 0,
    () =>
      `These event types have no fixture: ${listed(missing)}. Add fixtures/${missing[0]}.<case>.json with { "event": …, "message": … }.`,
  );
  const unknown = [...shown].filter((type) => !Object.hasOwn(suite.connector.events, type));
  must(unknown.length === 0, () => `These fixtures are of types that the connector does not map: ${listed(unknown)}.`);
}

const CLAIMS = ["edits", "deletes", "attachments", "reactions", "participants"] as const;
const NOTHING_TO_SHOW = ["not-reported", "none"];

/** What a fixture must hold to be believed. */
const PROOFS: Partial<Record<string, (fixture: Fixture) => boolean>> = {
  "edits:every-version": ({ event }) => event.version !== "",
  "attachments:content": ({ event, message }) =>
    event.attachments.some((file) => "blob" in file) && contentsOf(message).some((content) => "blob" in content),
  "attachments:reference": ({ event }) => event.attachments.length > 0 || JSON.stringify(event.data).length > 2,
};

function showsEveryClaim(suite: Suite): void {
  const { captures } = suite.connector;
  const claims = CLAIMS.map((name) => `${name}:${captures[name] satisfies Captures[typeof name]}`);
  const shown = new Map(
    readable(suite).flatMap(({ name, fixture }) => fixture.shows.map((claim) => [claim, { name, fixture }] as const)),
  );
  const unproven = claims.filter(
    (claim) => !NOTHING_TO_SHOW.some((nothing) => claim.endsWith(`:${nothing}`)) && !shown.has(claim),
  );
  must(
    unproven.length === 0,
    () =>
      `These claims of captures have no proof: ${listed(unproven)}. Add "shows": ["${unproven[0]}"] to a fixture that shows it, or claim less.`,
  );
  const unclaimed = [...shown].filter(([claim]) => !claims.includes(claim));
  must(
    unclaimed.length === 0,
    () =>
      `These fixtures show what captures does not claim: ${listed(unclaimed.map(([claim, { name }]) => `${claim} in ${name}`))}.`,
  );
  const empty = [...shown].filter(([claim, { fixture }]) => PROOFS[claim]?.(fixture) === false);
  must(
    empty.length === 0,
    () =>
      `These fixtures do not hold what they say they show: ${listed(empty.map(([claim, { name }]) => `${claim} in ${name}`))}.`,
  );
}

function contentsOf(message: Json | undefined): object[] {
  const { attachments = [] } = (message ?? {}) as Partial<MessageDraft>;
  return attachments.map(({ content }) => content);
}

function mapsToItsMessage({ connector }: Suite, file: FixtureFile): void {
  must("fixture" in file, () => `fixtures/${file.name} cannot be used: ${"problem" in file ? file.problem : ""}`);
  const { event, message } = file.fixture;
  const mapped = throughJson(mapFixture(connector, event));
  if (process.env["HANSARD_FIXTURES"] === "write") {
    writeMessage(file.url, mapped);
    return;
  }
  must(
    message !== undefined,
    () =>
      `fixtures/${file.name} has no "message". Run the tests once with HANSARD_FIXTURES=write, read what was written, and commit it. The mapping gives: ${JSON.stringify(mapped)}`,
  );
  const difference = firstDifference(mapped, message);
  must(
    difference === undefined,
    () =>
      `fixtures/${file.name} maps to another message: ${difference}. If the mapping is right, run the tests once with HANSARD_FIXTURES=write and read the difference.`,
  );
}
