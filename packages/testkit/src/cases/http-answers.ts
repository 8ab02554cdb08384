import type { Json } from "@hansard/core";
import { heldBy, readInto } from "../installation.ts";
import { fieldPaths, withoutField, withUnknownFields } from "../json.ts";
import { mustEnd } from "../reference.ts";
import { listed, must, type Suite } from "../suite.ts";
import { mustBeInWords, reading } from "./http-reading.ts";

export async function readsUnknownFields(suite: Suite): Promise<void> {
  await reading(suite, async (journal, copy, server) => {
    server.fault = () => ({ kind: "change", change: withUnknownFields });
    mustEnd(await readInto(journal, suite.connector, copy));
    const held = await heldBy(journal);
    const lost = [...(await suite.reference()).held].filter((name) => !held.has(name));
    must(
      lost.length === 0,
      () => `With fields that nobody knows in each answer, ${lost.length} events are lost: ${listed(lost)}.`,
    );
  });
}

const MOST_FIELDS = 40;

export async function readsMissingFields(suite: Suite): Promise<void> {
  const paths = await pathsOfAnswers(suite);
  must(
    paths.length > 0,
    "No answer of the source is JSON with fields. If the source speaks another format, waive this case.",
  );
  const step = Math.max(1, Math.floor(paths.length / MOST_FIELDS));
  for (const path of paths.filter((_, index) => index % step === 0)) {
    await reading(suite, async (journal, copy, server) => {
      const most = (await suite.reference()).requests * 10 + 100;
      // A missing cursor may send the connector round in circles; the source then goes down.
      server.fault = ({ number }) =>
        number > most
          ? { kind: "answer", status: 503 }
          : { kind: "change", change: (body) => withoutField(body, path) };
      mustBeInWords(await readInto(journal, suite.connector, copy), `Without the field ${path.join(".")}`);
    });
  }
}

async function pathsOfAnswers(suite: Suite): Promise<string[][]> {
  const paths = new Map<string, string[]>();
  await reading(suite, async (journal, copy, server) => {
    server.fault = () => ({
      kind: "change",
      change(body: Json) {
        for (const path of fieldPaths(body)) paths.set(path.join("\0"), path);
        return body;
      },
    });
    mustEnd(await readInto(journal, suite.connector, copy));
  });
  return [...paths.values()];
}
