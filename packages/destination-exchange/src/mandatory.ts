import type { Delivery, Outcome } from "@hansard/core/ingestion";
import type { Settings } from "./settings.ts";

/** What each message must have by the article's table. A message that lacks one is not sent. */
export function missingProperty({ message }: Delivery, profile: Settings["profile"]): Outcome | undefined {
  const { from, to, date, messageClass } = message;
  if (from.address === "") return lacks("FROM", "nobody is named as its sender");
  if (to.length === 0) return lacks("TO", "nobody is named as its recipient");
  if (Number.isNaN(Date.parse(date))) return lacks("DATE", `"${date}" is not a time`);
  if (messageClass === "") return lacks("MESSAGECLASS", "it has none");
  if (profile === "partner-ingestion" && !/^IPM\.NOTE\.[^.]+\.[^.]+$/i.test(messageClass)) {
    return lacks("MESSAGECLASS", `"${messageClass}" is not IPM.NOTE.Source.Event`);
  }
  return undefined;
}

function lacks(property: string, why: string): Outcome {
  return {
    status: "refused",
    reason: `The message lacks the mandatory property ${property}: ${why}.`,
    remedy:
      property === "MESSAGECLASS"
        ? "Set `classPrefix: IPM.NOTE` for this destination, then retry it from the quarantine."
        : "Mend the connector's mapping, then retry it from the quarantine.",
  };
}
