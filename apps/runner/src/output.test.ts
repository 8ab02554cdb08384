import { expect, test } from "vitest";
import { commandName } from "./output.ts";

test("the next command is named as this one was called: by npx, by a script of the repository, or by its own name", () => {
  expect(commandName({ npm_lifecycle_event: "npx", npm_package_name: "archive" })).toBe("npx hansard");
  expect(commandName({ npm_lifecycle_event: "start", npm_package_name: "hansard" })).toBe("npm run -s hansard --");
  expect(commandName({ npm_lifecycle_event: "nightly", npm_package_name: "archive" })).toBe("hansard");
  expect(commandName({})).toBe("hansard");
});
