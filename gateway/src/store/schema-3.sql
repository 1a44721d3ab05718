-- Version 3. What the audit knows of transfers. Records are added, and nothing else.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    chat     BLOB,
    transfer BLOB NOT NULL,
    peer     TEXT,
    step     TEXT NOT NULL,
    record   TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_chat ON audit (chat);
CREATE INDEX audit_transfer ON audit (transfer);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
