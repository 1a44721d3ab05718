-- Version 8. Full-text search in chats that are over; earlier chats of a customer whom a site has named.
CREATE VIRTUAL TABLE search USING fts5 (
    text, chat UNINDEXED, seq UNINDEXED, tokenize = 'unicode61 remove_diacritics 2'
);
-- What is erased is overwritten in the index, too.
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
-- Rows of the index by their chat; a chat that is here is indexed.
CREATE TABLE search_chat (chat BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE search_row (chat BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (chat, id)) WITHOUT ROWID;
CREATE INDEX chat_since ON chat (json_extract(record, '$.since'));
CREATE INDEX chat_visitor ON chat (
    json_extract(record, '$.visitor.verified.site'), json_extract(record, '$.visitor.verified.subject')
) WHERE json_extract(record, '$.visitor.verified.site') IS NOT NULL;
