import { type HttpClient, type Logger, UnavailableError } from "@hansard/core";

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Refuses everything, as a machine without a network does. */
export const offline: HttpClient = {
  request: () => Promise.reject(new UnavailableError("There is no network.")),
  json: () => Promise.reject(new UnavailableError("There is no network.")),
  download: () => Promise.reject(new UnavailableError("There is no network.")),
};
