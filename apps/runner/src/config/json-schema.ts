import { z } from "zod";
import { Configuration } from "./schema.ts";

/** The JSON Schema of `hansard.yaml`, from which editors complete and check it. */
export function configurationSchema(): Record<string, unknown> {
  return {
    title: "Hansard's configuration, hansard.yaml",
    ...z.toJSONSchema(Configuration, { io: "input", target: "draft-2020-12", unrepresentable: "any" }),
  };
}
