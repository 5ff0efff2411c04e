-- The first schema. Applied files are never changed: their checksums are stored; add another.
--
-- Columns hold only what is searched or compared. Everything else is in `body`, as JSON with the
-- version of its form, except where the column says otherwise.
--
-- Times are whole microseconds since 1970-01-01T00:00:00Z: they sort as what they are, take 8
-- bytes, and reach as far as any timestamp that is taken. To read one:
-- `datetime(due / 1000000, 'unixepoch')`.

-- 'PNTS': tells this file from another program's.
PRAGMA application_id = 0x504e5453;

CREATE TABLE series (
    id       TEXT    NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL,
    -- The end mark of a series that is over; null while a run of it is on, which is never forgotten.
    ended_at INTEGER,
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX series_by_end ON series (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE documents (
    id      TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    -- When it is to be looked at next.
    wake    INTEGER,
    body    TEXT    NOT NULL
) STRICT;
CREATE INDEX documents_by_wake ON documents (wake) WHERE wake IS NOT NULL;

CREATE TABLE groups (
    id      TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    body    TEXT    NOT NULL
) STRICT;

CREATE TABLE generations (
    number INTEGER NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    "by"   TEXT    NOT NULL,
    -- The playbook's text, as it was published; it says its own version.
    text   TEXT    NOT NULL
) STRICT;

CREATE TABLE ledger (
    seq     INTEGER NOT NULL PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    backend TEXT,
    body    TEXT    NOT NULL
) STRICT;
CREATE INDEX ledger_by_backend ON ledger (backend, seq) WHERE backend IS NOT NULL;

CREATE TABLE letters (
    seq    INTEGER NOT NULL PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE,
    at     INTEGER NOT NULL,
    source TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    -- What could not be used, as it came.
    body   TEXT    NOT NULL
) STRICT;

CREATE TABLE messages (
    seq        INTEGER NOT NULL PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    enqueued   INTEGER NOT NULL,
    -- When it may be delivered next: when it was asked for, or when its lock runs out.
    due        INTEGER NOT NULL,
    -- How often it was delivered.
    deliveries INTEGER NOT NULL,
    -- The lock it was last delivered under; null while it waits.
    lock       INTEGER,
    -- Sent again while it was locked: when it is to be delivered once more after this time.
    again      INTEGER,
    body       TEXT    NOT NULL
) STRICT;
CREATE INDEX messages_by_due ON messages (due, seq);

-- How often a consumer of the messages has started: no two of them give the same lock.
CREATE TABLE consumer (
    only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL
) STRICT;

-- What is written to learn whether anything can be.
CREATE TABLE probe (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    side INTEGER NOT NULL
) STRICT;
INSERT INTO probe (only, side) VALUES (1, 0);
