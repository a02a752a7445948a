-- Times are microseconds since 1970-01-01T00:00:00Z. Names and keys are checked before they come here.

-- Key-encryption keys that were used here: what to recognise them by, never the keys.
CREATE TABLE keks (
  id          TEXT    NOT NULL PRIMARY KEY,
  check_value BLOB    NOT NULL,
  added_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: the number of a removed workspace is not given to another one, so that nobody takes a snapshot of
-- the one for a snapshot of the other. `revision` moves with each change of credentials, permissions or the key.
CREATE TABLE workspaces (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  revision   INTEGER NOT NULL DEFAULT 0,
  kek        TEXT    REFERENCES keks (id),
  key_record BLOB,
  CHECK ((kek IS NULL) = (key_record IS NULL))
) STRICT;

CREATE INDEX workspaces_by_kek ON workspaces (kek);

CREATE TABLE workflows (
  id                  INTEGER PRIMARY KEY,
  workspace_id        INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name                TEXT    NOT NULL,
  created_at          INTEGER NOT NULL,
  permission          TEXT    NOT NULL DEFAULT 'all' CHECK (permission IN ('all', 'selected')),
  permission_revision INTEGER NOT NULL,
  permission_at       INTEGER,
  permission_by       TEXT,
  UNIQUE (workspace_id, name)
) STRICT;

CREATE INDEX workflows_by_revision ON workflows (workspace_id, permission_revision);

-- Snapshots learn that a workflow is gone. If it is added again, it leaves this table.
CREATE TABLE removed_workflows (
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  name         TEXT    NOT NULL,
  revision     INTEGER NOT NULL,
  PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX removed_workflows_by_revision ON removed_workflows (workspace_id, revision);

-- The keys that a workflow with the permission 'selected' may use, whether they exist or not.
CREATE TABLE permitted_keys (
  workflow_id INTEGER NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
  key         TEXT    NOT NULL,
  PRIMARY KEY (workflow_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX permitted_keys_by_key ON permitted_keys (key);

-- `workflow` is '' for the workspace's own. A deleted credential keeps its row without a record: its versions are not
-- used again, and snapshots learn that it is gone. So there is no reference to `workflows`, which may be gone, too.
CREATE TABLE credentials (
  workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  workflow     TEXT    NOT NULL,
  key          TEXT    NOT NULL,
  version      INTEGER NOT NULL,
  record       BLOB,
  revision     INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT    NOT NULL,
  rotated_at   INTEGER NOT NULL,
  rotated_by   TEXT    NOT NULL,
  note         TEXT,
  PRIMARY KEY (workspace_id, workflow, key)
) STRICT;

CREATE UNIQUE INDEX credentials_by_folded_key ON credentials (workspace_id, workflow, lower(key))
  WHERE record IS NOT NULL;
CREATE INDEX credentials_by_revision ON credentials (workspace_id, revision);

-- What steps run, by its own digest.
CREATE TABLE artifacts (
  digest TEXT NOT NULL PRIMARY KEY,
  bytes  BLOB NOT NULL
) STRICT;

-- `version` is the present one.
CREATE TABLE steps (
  id          INTEGER PRIMARY KEY,
  workflow_id INTEGER NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
  name        TEXT    NOT NULL,
  version     INTEGER NOT NULL,
  UNIQUE (workflow_id, name)
) STRICT;

-- All versions: a run that pinned one finds it, even if the next is registered meanwhile.
CREATE TABLE step_versions (
  step_id        INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  version        INTEGER NOT NULL,
  digest         TEXT    NOT NULL,
  kind           TEXT    NOT NULL,
  artifact       TEXT    NOT NULL REFERENCES artifacts (digest),
  artifact_bytes INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  created_by     TEXT    NOT NULL,
  PRIMARY KEY (step_id, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX step_versions_by_artifact ON step_versions (artifact);

-- The keys that the present version names.
CREATE TABLE step_references (
  step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  key     TEXT    NOT NULL,
  PRIMARY KEY (step_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX step_references_by_key ON step_references (key);

-- `workflow` is a name: the record of a run outlives its workflow. `step_version` is null for a file. All text of
-- guests is masked before it comes here.
CREATE TABLE runs (
  number        INTEGER PRIMARY KEY,
  id            TEXT    NOT NULL UNIQUE,
  workspace_id  INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
  workflow      TEXT    NOT NULL,
  step          TEXT    NOT NULL,
  step_version  INTEGER,
  digest        TEXT    NOT NULL,
  caller        TEXT    NOT NULL,
  started_at    INTEGER NOT NULL,
  owner         TEXT    NOT NULL,
  status        TEXT    NOT NULL DEFAULT 'open',
  ended_at      INTEGER,
  message       TEXT,
  phase         TEXT,
  guest_started INTEGER,
  requests_sent INTEGER,
  retryable     INTEGER,
  output        TEXT,
  receipt       TEXT,
  denied        TEXT,
  CHECK ((status = 'open') = (ended_at IS NULL))
) STRICT;

CREATE INDEX runs_by_workspace ON runs (workspace_id, id);
CREATE INDEX runs_open ON runs (owner) WHERE status = 'open';

CREATE TABLE log_chunks (
  run      INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  stream   TEXT    NOT NULL,
  bytes    BLOB    NOT NULL,
  PRIMARY KEY (run, sequence)
) STRICT, WITHOUT ROWID;
