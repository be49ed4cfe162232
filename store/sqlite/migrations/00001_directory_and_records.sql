-- +goose Up

-- The directory: one row per thing. What must be unique beside the ID stands in taken: a trunk's host, a rule's trigger.
CREATE TABLE directory (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    account TEXT NOT NULL,
    taken   TEXT,
    body    TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX directory_by_account ON directory (kind, account, id);
CREATE UNIQUE INDEX directory_taken ON directory (kind, taken) WHERE taken IS NOT NULL;

-- Call records: one row per call that is over. Times in microseconds since 1970. The columns that lists need come
-- first: the ledger and the log lie on pages that a list does not read.
CREATE TABLE record (
    n       INTEGER PRIMARY KEY, -- in order of writing; what indexes refer to, being short
    id      TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    start   INTEGER NOT NULL,
    label   TEXT NOT NULL,
    record  TEXT NOT NULL,
    ledger  TEXT,
    log     TEXT
);
CREATE INDEX record_by_start ON record (start);
CREATE INDEX record_by_account ON record (account, start);

-- The numbers of a call and its legs, each once.
CREATE TABLE record_number (
    number TEXT NOT NULL,
    start  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (number, start, n)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE record_number;
DROP TABLE record;
DROP TABLE directory;
