-- Version 9. What was said, in rows of as many entries as were stored together: a row for each entry, with an index by
-- its id beside it, cost ten times as much. `entries` is a JSON array, the entries from the number `first` to `last`.
CREATE TABLE talk (
    chat    BLOB NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    entries TEXT NOT NULL,
    PRIMARY KEY (chat, first)
) WITHOUT ROWID;
INSERT INTO talk SELECT chat, seq, seq, json_array(json_object(
    'seq', seq, 'at', at, 'id', lower(hex(id)), 'author', json(author), 'body', json(body)
)) FROM entry;
DROP TABLE entry;
