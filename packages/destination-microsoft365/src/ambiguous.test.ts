import { expect, test } from "vitest";
import { receiptOf } from "./deliver.ts";
import { networkFailure } from "./network-failure.ts";

test.each([
  [{ code: "ECONNREFUSED", syscall: "connect" }, "retry"],
  [{ code: "EHOSTUNREACH", syscall: "connect" }, "retry"],
  [{ code: "EHOSTUNREACH", syscall: "read" }, "unknown"],
  [{ code: "ENETUNREACH", syscall: "write" }, "unknown"],
  [{ code: "UND_ERR_HEADERS_TIMEOUT" }, "unknown"],
  [{ code: "UND_ERR_CONNECT_TIMEOUT" }, "retry"],
])("a write that ends with %j is %s", (details, kind) => {
  expect(networkFailure(Object.assign(new Error("It failed."), details), "POST", "id").kind).toBe(kind);
});

test.each([undefined, {}, "created"])(
  "a good answer of %j does not say what was stored, and so is ambiguous",
  (json) => {
    const answer = { status: 201, headers: {}, json, requestId: "r", clientRequestId: "c" };
    expect(() => receiptOf(answer)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ kind: "unknown" }) as object }),
    );
  },
);
