/** The version of the tables below. A journal of a later version is refused, one of an earlier version is brought up. */
export const SCHEMA_VERSION = 3;

const UNMAPPED = `CREATE TABLE unmapped (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, participant TEXT NOT NULL, name TEXT, address TEXT,
  messages INTEGER NOT NULL,
  PRIMARY KEY (source, destination, participant)
) WITHOUT ROWID;`;

const PARKED = `CREATE TABLE parked (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, message TEXT NOT NULL, place TEXT NOT NULL,
  PRIMARY KEY (source, destination, message, place)
) WITHOUT ROWID;`;

/** By the version that it starts from: what makes the next one of it. */
export const STEPS: Record<number, string> = {
  // Version 1 kept one sum for all destinations, which cannot be taken apart: it stays with the first of them.
  1: `
    ALTER TABLE unmapped RENAME TO unmapped_1;
    ${UNMAPPED}
    INSERT INTO unmapped SELECT old.source, min(cursor.destination), participant, name, address, messages
      FROM unmapped_1 AS old JOIN cursor ON cursor.source = old.source GROUP BY old.source, participant;
    DROP TABLE unmapped_1;
  `,
  // Version 2 counted a parked copy with everybody whom it serves.
  2: PARKED,
};

/**
 * `entry` is the record; every other table is a view of it that is kept in the same transaction. An entry is never
 * changed, except that its body may be removed by the retention of raw events: the chain is over the bodies' hashes.
 */
export const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,              -- page, hold, intent, settlement, withdrawal
  at INTEGER NOT NULL,             -- milliseconds since 1970
  body BLOB,                       -- zstd of JSON lines; NULL once pruned
  body_hash BLOB NOT NULL,         -- SHA-256 of the JSON lines
  hash BLOB NOT NULL               -- SHA-256 of: previous hash, "seq\\nkind\\nat\\n", body_hash
);

CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, connector TEXT NOT NULL, version TEXT NOT NULL);
CREATE TABLE destination (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- Which events a page entry holds: seq first … last, on its lines from \`line\` on.
CREATE TABLE page (
  entry INTEGER PRIMARY KEY, source INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, line INTEGER NOT NULL
);
CREATE INDEX page_by_source ON page (source, last);
CREATE UNIQUE INDEX page_by_event ON page (last);

CREATE TABLE event (
  source INTEGER NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL,
  seq INTEGER NOT NULL, type TEXT NOT NULL, claim INTEGER,
  PRIMARY KEY (source, key, version)
) WITHOUT ROWID;

CREATE TABLE context (
  source INTEGER NOT NULL, name TEXT NOT NULL, entry INTEGER NOT NULL, line INTEGER NOT NULL,
  PRIMARY KEY (source, name)
) WITHOUT ROWID;

CREATE TABLE checkpoint (
  source INTEGER NOT NULL, partition TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (source, partition)
) WITHOUT ROWID;

-- What sources remember, such as refresh tokens: sealed (BLOB), or in clear (TEXT) where an earlier version wrote it last.
CREATE TABLE state (source INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (source, name)) WITHOUT ROWID;

CREATE TABLE follow_up (
  source INTEGER NOT NULL, partition TEXT NOT NULL, id TEXT NOT NULL, due_at INTEGER NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (source, partition, id)
) WITHOUT ROWID;

CREATE TABLE claim (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, name TEXT NOT NULL,
  events INTEGER NOT NULL, captured INTEGER NOT NULL DEFAULT 0, overlap INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source, name)
);
-- An event that a claim counts and that was captured under another.
CREATE TABLE overlap (claim INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (claim, event)) WITHOUT ROWID;

CREATE TABLE gap (
  source INTEGER NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, remedy TEXT, events INTEGER NOT NULL,
  claim TEXT, since INTEGER NOT NULL, closed INTEGER,
  PRIMARY KEY (source, name)
) WITHOUT ROWID;
CREATE TABLE exclusion (
  source INTEGER NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, events INTEGER NOT NULL, claim TEXT,
  PRIMARY KEY (source, name)
) WITHOUT ROWID;

-- What was seen, per day of the events' own clock.
CREATE TABLE coverage (
  source INTEGER NOT NULL, partition TEXT NOT NULL, day TEXT NOT NULL, events INTEGER NOT NULL,
  PRIMARY KEY (source, partition, day)
) WITHOUT ROWID;

CREATE TABLE cursor (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (source, destination)
) WITHOUT ROWID;

CREATE TABLE waiting (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, grouping TEXT NOT NULL, event INTEGER NOT NULL, closes_at INTEGER NOT NULL,
  PRIMARY KEY (source, destination, grouping, event)
) WITHOUT ROWID;
CREATE TABLE grouped (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, grouping TEXT NOT NULL, messages INTEGER NOT NULL,
  PRIMARY KEY (source, destination, grouping)
) WITHOUT ROWID;

-- Where the messages of an event are: intents whose events lie in first … last.
CREATE TABLE intent (
  entry INTEGER PRIMARY KEY, source INTEGER NOT NULL, destination INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, open INTEGER NOT NULL
);
CREATE INDEX intent_open ON intent (source, destination, entry) WHERE open;
CREATE INDEX intent_by_event ON intent (first, last);
CREATE TABLE settlement (intent INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (intent, entry)) WITHOUT ROWID;

-- What rerouting added to and took from the mailboxes of a message.
CREATE TABLE rerouted (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, message TEXT NOT NULL, mailbox TEXT NOT NULL, withdrawn INTEGER NOT NULL,
  PRIMARY KEY (source, destination, message, mailbox)
) WITHOUT ROWID;

-- Copies that are at a place instead of where they were for, by Message-ID: each is counted once, however many it serves.
${PARKED}

-- Deliveries that are followed singly: all of an at-least-once destination's, and the stragglers of the others.
CREATE TABLE delivery (
  intent INTEGER NOT NULL, message INTEGER NOT NULL, target INTEGER NOT NULL,
  submitted_at INTEGER, retry_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (intent, message, target)
) WITHOUT ROWID;

-- Runs of events that were delivered whole.
CREATE TABLE delivered (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (source, destination, first)
) WITHOUT ROWID;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, destination INTEGER NOT NULL, event INTEGER NOT NULL,
  stage TEXT NOT NULL, reason TEXT NOT NULL, remedy TEXT, since INTEGER NOT NULL, attempts INTEGER NOT NULL,
  UNIQUE (source, destination, event)
);

-- By destination, since each may have a directory of its own that knows somebody.
${UNMAPPED}

-- Sums over all settlements: kind "class" by message class, kind "mailbox" by mailbox and folder.
CREATE TABLE tally (
  source INTEGER NOT NULL, destination INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (source, destination, kind, name)
) WITHOUT ROWID;

CREATE TABLE blob (sha256 BLOB PRIMARY KEY, size INTEGER NOT NULL, content BLOB) WITHOUT ROWID;
`;
