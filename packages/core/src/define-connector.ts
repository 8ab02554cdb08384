import type { StandardSchemaV1 } from "@standard-schema/spec";
import { CONTRACT_VERSION, type Connector, type ConnectorDefinition, type MapEvent } from "./connector.ts";
import { SettingsError } from "./errors.ts";

const ID = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const CLASS_TOKEN = /^[A-Za-z0-9][A-Za-z0-9!]{0,39}$/;

/** Checks a definition and stamps it with the contract's version. The result is what a connector's package exports as `connector`. */
export function defineConnector<
  Settings extends StandardSchemaV1,
  Checkpoint extends StandardSchemaV1,
  const Events extends Record<string, MapEvent>,
>(definition: ConnectorDefinition<Settings, Checkpoint, Events>): Connector {
  const { id, source, events } = definition;
  if (!ID.test(id))
    throw invalid(id, `The id "${id}" must be lower-case letters, digits and hyphens, such as "salesforce-chatter".`);
  for (const token of [source, ...Object.keys(events)]) {
    if (!CLASS_TOKEN.test(token))
      throw invalid(id, `"${token}" cannot stand in a message class: use 1 to 40 ASCII letters and digits.`);
  }
  if (typeof events.Other !== "function")
    throw invalid(id, 'The events lack "Other", which archives what the connector does not know yet.');
  return { contractVersion: CONTRACT_VERSION, ...definition } as Connector;
}

function invalid(connector: string, message: string): SettingsError {
  return new SettingsError(message, { connector, remedy: "Mend the connector's definition in src/index.ts." });
}
