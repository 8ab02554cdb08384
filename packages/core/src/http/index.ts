export * from "./create-http-client.ts";
export * from "./http-client.ts";
export { answerOf } from "./http-failure.ts";
export { createRateLimiter, type RateLimiter } from "./rate-limiter.ts";
