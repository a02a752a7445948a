-- From when on no run that starts gets a credential. It belongs to the version: the next one has its own, or none.
ALTER TABLE credentials ADD COLUMN expires_at INTEGER;
-- Whether the value can be taken out of texts. Null for what was set before this was kept.
ALTER TABLE credentials ADD COLUMN maskable INTEGER CHECK (maskable IN (0, 1));

-- The last run that is known to have been given a credential, to the minute: a use within a minute of the one that is
-- here is not written. `workflow` is '' for the workspace's own. Beside the credentials, as their rows are long.
CREATE TABLE credential_uses (
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  workflow     TEXT    NOT NULL,
  key          TEXT    NOT NULL,
  version      INTEGER NOT NULL,
  run          TEXT    NOT NULL,
  used_at      INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, workflow, key)
) STRICT, WITHOUT ROWID;
