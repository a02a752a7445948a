-- Members: persons by name, each with a role in a workspace.
-- A token names its member and does not refer to the row: a revoked token keeps telling whose it was. Who removes a
-- member revokes its tokens, so that another member of the same name has none of them.
CREATE TABLE members (
  id           INTEGER PRIMARY KEY,
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         TEXT    NOT NULL,
  role         TEXT    NOT NULL CHECK (role IN ('admin', 'editor', 'runner', 'viewer')),
  created_at   INTEGER NOT NULL,
  created_by   TEXT    NOT NULL,
  changed_at   INTEGER NOT NULL,
  changed_by   TEXT    NOT NULL,
  UNIQUE (workspace_id, name)
) STRICT;

ALTER TABLE tokens ADD COLUMN member TEXT;
