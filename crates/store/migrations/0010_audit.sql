-- What was changed and used, by whom: entries are added and never changed. `chain` is the name of a workspace, and '' for
-- the host's own. It refers to no workspace, as its record outlives it. What `hash` covers is in `audit/chain.rs`.
CREATE TABLE audit (
  chain    TEXT    NOT NULL,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  actor    TEXT    NOT NULL,
  action   TEXT    NOT NULL,
  workflow TEXT,
  step     TEXT,
  run      TEXT,
  scope    TEXT,
  key      TEXT,
  version  INTEGER,
  mode     TEXT,
  host     TEXT,
  detail   TEXT,
  target   TEXT,
  hash     BLOB    NOT NULL,
  PRIMARY KEY (chain, sequence)
) STRICT, WITHOUT ROWID;

-- Where each chain ends, and up to where that was sealed by whoever had the key of the workspace.
CREATE TABLE audit_heads (
  chain           TEXT    NOT NULL PRIMARY KEY,
  sequence        INTEGER NOT NULL,
  hash            BLOB    NOT NULL,
  sealed_sequence INTEGER,
  seal            BLOB,
  CHECK ((sealed_sequence IS NULL) = (seal IS NULL))
) STRICT, WITHOUT ROWID;
