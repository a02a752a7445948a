-- Tokens of the API. Only SHA-256 of a token is here: what is found in a copy of the database opens nothing.
-- A revoked token keeps its row, so that its name in the record of runs stays the name of one token.
CREATE TABLE tokens (
  id           INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         TEXT    NOT NULL,
  digest       TEXT    NOT NULL UNIQUE,
  role         TEXT    NOT NULL CHECK (role IN ('admin', 'editor', 'runner', 'viewer')),
  created_at   INTEGER NOT NULL,
  created_by   TEXT    NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER,
  revoked_at   INTEGER,
  revoked_by   TEXT,
  UNIQUE (workspace_id, name)
) STRICT;
