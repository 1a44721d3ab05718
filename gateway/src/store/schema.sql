-- Version 1. A later change is a new file with the next number; this one is never edited.
CREATE TABLE chat (
    id       BLOB PRIMARY KEY,
    version  INTEGER NOT NULL,
    token    BLOB NOT NULL,
    open     INTEGER NOT NULL,
    record   TEXT NOT NULL,
    context  TEXT
) WITHOUT ROWID;
CREATE INDEX chat_token ON chat (token);
CREATE INDEX chat_open ON chat (open) WHERE open;

CREATE TABLE entry (
    chat    BLOB NOT NULL,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    id      BLOB NOT NULL,
    author  TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (chat, seq),
    UNIQUE (chat, id)
) WITHOUT ROWID;

CREATE TABLE incoming (
    peer     TEXT NOT NULL,
    transfer BLOB NOT NULL,
    version  INTEGER NOT NULL,
    wtid     BLOB NOT NULL,
    open     INTEGER NOT NULL,
    record   TEXT NOT NULL,
    PRIMARY KEY (peer, transfer)
) WITHOUT ROWID;
CREATE UNIQUE INDEX incoming_wtid ON incoming (wtid);
CREATE INDEX incoming_open ON incoming (open) WHERE open;

CREATE TABLE agent (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE agent_token (
    token BLOB PRIMARY KEY, name TEXT NOT NULL, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE peer (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE used (id TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE code (
    code BLOB PRIMARY KEY, permits TEXT NOT NULL, expires INTEGER NOT NULL, transfer BLOB
) WITHOUT ROWID;
