import { conformance } from "./conformance.ts";
import { LARGE_EVENTS, answerNotes, noticeboard, TOKEN } from "./noticeboard.test.support.ts";

conformance(noticeboard, {
  fixtures: new URL("./fixtures.test.support/", import.meta.url),
  source: {
    events: 5,
    settings: ({ url }) => ({ url, token: TOKEN }),
    answer: answerNotes,
    later: { events: 2 },
    large: { events: LARGE_EVENTS },
  },
});
