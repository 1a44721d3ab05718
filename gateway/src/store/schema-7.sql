-- Version 7. Keys of the HTTP API: digests, never the secrets.
CREATE TABLE api_key (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
