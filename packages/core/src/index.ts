export * from "./connector.ts";
export * from "./define-connector.ts";
export * from "./errors.ts";
export * from "./event.ts";
export * from "./http/http-client.ts";
export { answerOf } from "./http/http-failure.ts";
export * from "./message.ts";
export * from "./secret.ts";
