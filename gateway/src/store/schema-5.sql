-- Version 5. Erasures: what is still owed to other servers, and the tombstones of what was erased here.
CREATE TABLE erasure (
    id     BLOB PRIMARY KEY,
    open   INTEGER NOT NULL,
    record TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX erasure_open ON erasure (open) WHERE open;
CREATE TABLE tombstone (name TEXT PRIMARY KEY, erasure BLOB NOT NULL) WITHOUT ROWID;
