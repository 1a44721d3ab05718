-- Version 4. Documents that were uploaded for a chat, and chats by the transfer that they have gone by.
CREATE TABLE upload (
    chat   BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    agent  TEXT NOT NULL,
    at     INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    card   TEXT NOT NULL,
    PRIMARY KEY (chat, sha256, agent)
) WITHOUT ROWID;
CREATE INDEX chat_transfer ON chat (json_extract(record, '$.outgoing.Settled.attempt.transfer'))
    WHERE json_extract(record, '$.outgoing.Settled.attempt.transfer') IS NOT NULL;
