-- Version 6. Replies for later use; chats that are over, the newest first.
CREATE TABLE reply (
    id       BLOB PRIMARY KEY,
    owner    TEXT,
    shortcut TEXT NOT NULL,
    text     TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX chat_closed ON chat (json_extract(record, '$.since')) WHERE NOT open;
